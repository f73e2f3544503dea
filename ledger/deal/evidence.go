package deal

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
)

// LogEngagement records an engagement of a registration, Salesforce's or ours, and
// gives its id. RecordedBy is staff, and it counts at once, or partner, and it
// counts when staff confirm it (R5.7). Its day may not lie ahead.
func LogEngagement(ctx context.Context, tx *sqlx.Tx, e Engagement, by By) (id string, err error) {
	defer errs.Wrap(&err, "log an engagement of the registration %s", e.RegistrationID)
	if err := by.check(); err != nil {
		return "", err
	}
	switch {
	case e.RecordedBy != ByStaff && e.RecordedBy != ByPartner:
		return "", errs.New(errs.Invalid, "an engagement is logged by staff or by the partner, not by %q", e.RecordedBy)
	case e.On.IsZero():
		return "", errs.New(errs.Invalid, "an engagement without its day is no evidence").WithHint("Say on which day it was (R5.7).")
	case e.On.After(clock.DateIn(by.Now, by.Terms.Zone)):
		return "", errs.New(errs.Invalid, "%s lies ahead", e.On).WithHint("Log it when it has taken place.")
	case e.On.Before(earliestEngagement):
		return "", errs.New(errs.Invalid, "%s lies before %s", e.On, earliestEngagement).WithHint("Is its year complete?")
	case strings.TrimSpace(e.Kind) == "":
		return "", errs.New(errs.Invalid, "an engagement says what kind it was").WithHint("For example: meeting, workshop, demo.")
	}
	if err := refuseLong(stated{"kind", e.Kind, longestName}, stated{"text of the notes", e.Notes, longestText}); err != nil {
		return "", err
	}
	var known []string
	if err := tx.SelectContext(ctx, &known, `select id from ledger.registration where id = $1 and not is_deleted for update`,
		e.RegistrationID); err != nil {
		return "", err
	}
	if len(known) == 0 {
		return "", errs.New(errs.NotFound, "there is no registration %q", e.RegistrationID).WithHint("List them with: partnersync registrations list")
	}
	err = tx.GetContext(ctx, &id, `
		insert into ledger.engagement (id, registration_id, engaged_on, kind, notes, recorded_by, actor, modstamp)
		select 'ENG-' || case when v < 1000000 then lpad(v::text, 6, '0') else v::text end, $1, $2, $3, $4, $5, $6, $7
		from nextval('ledger.engagement_number') as v
		returning id`, e.RegistrationID, e.On, e.Kind, e.Notes, e.RecordedBy, by.Actor, by.Now)
	return id, err
}

// ConfirmEngagement lets an engagement that a partner logged count (R5.7), and gives
// its registration. Whoever logged it cannot confirm it.
func ConfirmEngagement(ctx context.Context, tx *sqlx.Tx, id string, by By) (registration string, err error) {
	defer errs.Wrap(&err, "confirm the engagement %s", id)
	if err := by.check(); err != nil {
		return "", err
	}
	var found []struct {
		RegistrationID string     `db:"registration_id"`
		RecordedBy     string     `db:"recorded_by"`
		Actor          string     `db:"actor"`
		ConfirmedBy    string     `db:"confirmed_by"`
		ConfirmedAt    *time.Time `db:"confirmed_at"`
	}
	if err := tx.SelectContext(ctx, &found, `
		select registration_id, recorded_by, actor, confirmed_by, confirmed_at from ledger.engagement
		where id = $1 and not is_deleted for update`, id); err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", errs.New(errs.NotFound, "there is no engagement %q", id).WithHint("`partnersync registrations show REGISTRATION` lists those of a registration.")
	}
	switch e := found[0]; {
	case e.RecordedBy != ByPartner:
		return "", errs.New(errs.Conflict, "it was recorded by %s and counts already", e.RecordedBy)
	case e.ConfirmedBy != "":
		return "", errs.New(errs.Conflict, "%s confirmed it at %s", e.ConfirmedBy, orZero(e.ConfirmedAt).Format(time.RFC3339))
	case ledger.IsSameActor(e.Actor, by.Actor):
		return "", errs.New(errs.Conflict, "%s logged it, and cannot confirm it too", by.Actor).WithHint("Let somebody else of the staff confirm it.")
	}
	_, err = tx.ExecContext(ctx, `
		update ledger.engagement set confirmed_by = $2, confirmed_at = $3, modstamp = $3 where id = $1`, id, by.Actor, by.Now)
	return found[0].RegistrationID, err
}
