package attribution

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
)

// discrepancyKinds are the kinds that replaying a subject settles.
var discrepancyKinds = []string{
	"duplicate_profile", "creator_mismatch", "space_without_creator",
	"partner_id_missing_in_salesforce", "partner_id_mismatch", "malformed_partner_id", "unknown_partner_id",
	kindIncomplete,
}

// kindLookAlike is settled for whole groups of addresses at a time.
const kindLookAlike = "possible_duplicate_profile"

// Replayed says what one batch of Replay did.
type Replayed struct {
	Subjects int      // histories that were worked out
	Changed  int      // of them, those that came out otherwise than before
	Spaces   []string // Spaces among the subjects: what earns by them may have changed
	Problems int64    // discrepancies that were opened
}

// Replay works out the histories of at most limit marked profiles or Spaces,
// earliest first, and marks what lies downstream of those that changed. The work
// is done when it replays no subject. All batches of one pass share one now:
// what was learned in that pass was learned at that instant.
func Replay(ctx context.Context, tx *sqlx.Tx, limit int, now time.Time) (_ Replayed, err error) {
	defer errs.Wrap(&err, "replay Partner IDs")
	// A batch looks up a thousandth of large tables, mostly in memory. At the default,
	// made for disks that turn, the planner would rather read all of them.
	if _, err := tx.ExecContext(ctx, `set local random_page_cost = 1.1`); err != nil {
		return Replayed{}, err
	}
	kind, subjects, err := takeMarks(ctx, tx, limit)
	if err != nil || len(subjects) == 0 {
		return Replayed{}, err
	}
	was, err := histories(ctx, tx, kind, subjects)
	if err != nil {
		return Replayed{}, err
	}
	var is map[string][]Point
	var found []ledger.Discrepancy
	if kind == KindSpace {
		is, found, err = replaySpaces(ctx, tx, subjects)
	} else {
		is, found, err = replayProfiles(ctx, tx, subjects)
	}
	if err != nil {
		return Replayed{}, err
	}
	changed, since, err := rewrite(ctx, tx, kind, was, is, now)
	if err != nil {
		return Replayed{}, err
	}
	if err := markDownstream(ctx, tx, kind, changed, since, now); err != nil {
		return Replayed{}, err
	}
	out := Replayed{Subjects: len(subjects), Changed: len(changed)}
	if kind == KindSpace {
		out.Spaces = subjects
	}
	if out.Problems, err = ledger.SettleDiscrepancies(ctx, tx, discrepancyKinds, subjects, found, now); err != nil {
		return out, err
	}
	if kind == KindProfile {
		opened, err := settleLookAlikes(ctx, tx, subjects, now)
		out.Problems += opened
		return out, err
	}
	return out, nil
}

// Pending counts the profiles and Spaces whose histories are still to be worked out.
func Pending(ctx context.Context, q sqlx.QueryerContext) (n int64, err error) {
	defer errs.Wrap(&err, "count histories to work out")
	err = sqlx.GetContext(ctx, q, &n, `select count(*) from ledger.replay`)
	return n, err
}

// IsPending says whether any history is still to be worked out.
func IsPending(ctx context.Context, q sqlx.QueryerContext) (is bool, err error) {
	defer errs.Wrap(&err, "look for histories to work out")
	err = sqlx.GetContext(ctx, q, &is, `select exists (select from ledger.replay)`)
	return is, err
}

// takeMarks takes the earliest marks of one kind: the kind of the very first.
func takeMarks(ctx context.Context, tx *sqlx.Tx, limit int) (kind string, subjects []string, err error) {
	err = tx.GetContext(ctx, &kind, `
		select coalesce((select subject_kind from ledger.replay order by origin, subject_kind, subject limit 1), '')`)
	if err != nil || kind == "" {
		return "", nil, err
	}
	err = tx.SelectContext(ctx, &subjects, `
		delete from ledger.replay
		where subject_kind = $1 and subject = any(array(
			select subject from ledger.replay where subject_kind = $1 order by origin, subject limit $2))
		returning subject`, kind, limit)
	return kind, subjects, err
}

func replaySpaces(ctx context.Context, tx *sqlx.Tx, ids []string) (map[string][]Point, []ledger.Discrepancy, error) {
	facts, err := readSpaceFacts(ctx, tx, ids)
	if err != nil {
		return nil, nil, err
	}
	issued, err := issuedIDs(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	is := make(map[string][]Point, len(facts))
	var found []ledger.Discrepancy
	for _, f := range facts {
		d := deriveSpace(f)
		is[f.id] = d.points
		found = append(found, d.found...)
		for _, p := range d.points {
			if !p.IsBlank() && !p.Malformed && !issued[p.PartnerID] {
				found = append(found, discrepancy("Space", f.id, "unknown_partner_id", "R2.8", true,
					"The Space holds %s, which has been issued to nobody; what it earns is on hold. Add the partner, or correct the ID.", p.PartnerID))
				break
			}
		}
	}
	return is, found, nil
}

func replayProfiles(ctx context.Context, tx *sqlx.Tx, keys []string) (map[string][]Point, []ledger.Discrepancy, error) {
	facts, err := readProfileFacts(ctx, tx, keys)
	if err != nil {
		return nil, nil, err
	}
	is := make(map[string][]Point, len(facts))
	var found []ledger.Discrepancy
	var existing, folds, gone []string
	var registered []time.Time
	for _, f := range facts {
		d := deriveProfile(f)
		is[f.key] = d.points
		found = append(found, d.found...)
		if d.registeredAt.IsZero() {
			gone = append(gone, f.key)
			continue
		}
		existing, folds = append(existing, f.key), append(folds, ledger.FoldEmailKey(f.key))
		registered = append(registered, d.registeredAt)
	}
	return is, found, saveProfiles(ctx, tx, existing, folds, registered, gone)
}

func saveProfiles(ctx context.Context, tx *sqlx.Tx, keys, folds []string, registered []time.Time, gone []string) (err error) {
	defer errs.Wrap(&err, "save profiles")
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.profile as p (email_key, fold_key, registered_at)
		select * from unnest($1::text[], $2::text[], $3::timestamptz[])
		on conflict (email_key) do update set registered_at = excluded.registered_at
		where p.registered_at <> excluded.registered_at`,
		pq.Array(keys), pq.Array(folds), pq.Array(registered)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `delete from ledger.profile where email_key = any($1)`, pq.Array(gone))
	return err
}

// settleLookAlikes settles, for the addresses given and all that differ from them
// only by dots or a plus-tag, whether a person may have meant them as one (R1.2).
func settleLookAlikes(ctx context.Context, tx *sqlx.Tx, keys []string, now time.Time) (opened int64, err error) {
	defer errs.Wrap(&err, "find profiles that look alike")
	folds := make([]string, len(keys))
	for i, k := range keys {
		folds[i] = ledger.FoldEmailKey(k)
	}
	var rows []struct {
		Key  string `db:"email_key"`
		Fold string `db:"fold_key"`
	}
	if err := tx.SelectContext(ctx, &rows, `
		select email_key, fold_key from ledger.profile where fold_key = any($1)
		order by fold_key, email_key collate "C"`, pq.Array(folds)); err != nil {
		return 0, err
	}
	alike := map[string][]string{}
	subjects := slices.Clone(keys)
	for _, r := range rows {
		alike[r.Fold] = append(alike[r.Fold], r.Key)
		subjects = append(subjects, r.Key)
	}
	var found []ledger.Discrepancy
	for _, group := range alike {
		for i, key := range group {
			if len(group) == 1 {
				continue
			}
			other := group[0]
			if i == 0 {
				other = group[1]
			}
			found = append(found, discrepancy("profile", key, kindLookAlike, "R1.2", false,
				"This address and %s differ only by dots or a plus-tag. If they are one person, merge the users.", other))
		}
	}
	return ledger.SettleDiscrepancies(ctx, tx, []string{kindLookAlike}, subjects, found, now)
}

func issuedIDs(ctx context.Context, q sqlx.QueryerContext) (map[string]bool, error) {
	var ids []string
	if err := sqlx.SelectContext(ctx, q, &ids, `select id from ledger.partner_id`); err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}
