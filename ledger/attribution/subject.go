package attribution

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/sfid"
)

// Subject is what has a Partner ID history: a Space or a profile.
type Subject struct {
	Kind string `db:"kind" json:"kind"` // KindSpace or KindProfile
	ID   string `db:"id" json:"id"`     // a Space's Salesforce id; a profile's e-mail key
	Key  string `db:"key" json:"key"`   // a Space's Space key; of a profile ""
	Name string `db:"name" json:"name"` // a Space's name; of a profile ""
}

// FindSpace gives the Space that a person means by its Space key, which is
// case-sensitive, or by its Salesforce id in either form. It fails with NotFound,
// or with Conflict if several Spaces have the key.
func FindSpace(ctx context.Context, q sqlx.QueryerContext, key string) (_ Subject, err error) {
	key = strings.TrimSpace(key)
	id, notAnID := sfid.Parse(key)
	if notAnID != nil {
		id = ""
	}
	var found []Subject
	if err := sqlx.SelectContext(ctx, q, &found, `
		select 'space' as kind, id, space_key as key, name from ledger.space
		where id = $1 or space_key = $2 and $2 <> '' order by (id = $1) desc, id collate "C" limit 3`, id, key); err != nil {
		return Subject{}, errs.New(errs.KindOf(err), "find the Space %q: %w", key, err)
	}
	switch {
	case len(found) == 0:
		return Subject{}, errs.New(errs.NotFound, "there is no Space %q", key).
			WithHint("Give its Space key, which is case-sensitive, or its Salesforce id. A Space appears once it was pulled and reconciled.")
	case len(found) > 1 && found[0].ID != id:
		return Subject{}, errs.New(errs.Conflict, "several Spaces have the key %q, %s and %s among them", key, found[0].ID, found[1].ID).
			WithHint("Give the Salesforce id of the one you mean.")
	}
	return found[0], nil
}
