package attribution_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// TestR2_HistoriesAreThoseOfANaiveReplay: in random worlds whose records really
// changed as Salesforce says they did, what is believed is what comes of playing
// everything from the beginning. More worlds: -rapid.checks=5000.
func TestR2_HistoriesAreThoseOfANaiveReplay(t *testing.T) {
	checkWorlds(t, false)
}

// TestR2_SoItIsWhenRecordsContradictThemselves is the same for history rows and
// observations that need not agree.
func TestR2_SoItIsWhenRecordsContradictThemselves(t *testing.T) {
	checkWorlds(t, true)
}

func checkWorlds(t *testing.T, isWild bool) {
	db := pgtest.New(t)
	issued := issueIDs(t, db)
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt, isWild)
		here := newLedger(rt, db, issued)
		late, others := lateRow(rt, drawOrder(rt, w, "order"))
		here.learnAll(others)
		if late != nil {
			here.learnLate(*late)
		}
		here.checkEarlierBeliefs()
		histories, found := here.histories(), here.discrepancies()

		there := newLedger(rt, db, issued)
		there.learnAll(drawOrder(rt, w, "another order"))
		if d := cmp.Diff(histories, there.histories()); d != "" {
			rt.Fatalf("R2.9: another order gives other histories (-one +other):\n%s%s", d, there.story())
		}
		if d := cmp.Diff(found, there.discrepancies()); d != "" {
			rt.Fatalf("R2.9: another order gives other discrepancies (-one +other):\n%s%s", d, there.story())
		}
	})
}

// issueIDs issues FG3877 and AB1234, but not ZZ9999.
func issueIDs(t testing.TB, db *sqlx.DB) map[string]bool {
	t.Helper()
	issued := map[string]bool{"FG3877": true, "AB1234": true}
	err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		for id := range issued {
			p := ledger.Partner{
				Key: id, Name: id, Kind: ledger.KindRegistered, Status: ledger.StatusActive,
				JoinedOn: clock.NewDate(2015, 1, 1), IDs: []string{id},
			}
			if err := ledger.SavePartner(ctx, tx, p, "test", epoch); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// underTest is the ledger of one world, and beside it what must be believed.
type underTest struct {
	t      rapid.TB
	draw   *rapid.T // nil: no choice is random
	db     *sqlx.DB
	issued map[string]bool
	facts  *facts
	now    time.Time
	beliefs
	told []string
}

// beliefs are the Space histories after each complete replay.
type beliefs struct {
	at     []time.Time
	spaces []map[string][]attribution.Point
}

func newLedger(t rapid.TB, db *sqlx.DB, issued map[string]bool) *underTest {
	if _, err := db.ExecContext(context.Background(), `
		delete from ledger.space; delete from ledger.profile_record; delete from ledger.profile; delete from ledger.profile_alias;
		delete from ledger.invitation; delete from ledger.install; delete from ledger.statement_of_id;
		delete from ledger.connection; delete from ledger.history_horizon;
		delete from ledger.holding; delete from ledger.replay; delete from ledger.discrepancy`); err != nil {
		t.Fatal(err)
	}
	draw, _ := t.(*rapid.T)
	return &underTest{t: t, draw: draw, db: db, issued: issued, facts: newFacts(), now: epoch.AddDate(1, 0, 0)}
}

func (u *underTest) inTx(f func(ctx context.Context, tx *sqlx.Tx) error) {
	if err := pg.InTx(context.Background(), u.db, f); err != nil {
		u.t.Fatalf("%v%s", err, u.story())
	}
}

// learnAll saves items in batches, with replays in between and one at the end.
func (u *underTest) learnAll(items []item) {
	for len(items) > 0 {
		n := rapid.IntRange(1, len(items)).Draw(u.draw, "batch")
		n = withoutVersions(items[:n])
		u.save(items[:n])
		items = items[n:]
		if len(items) == 0 || oneIn(u.draw, "replay", 3) {
			u.replay()
			u.check()
		}
	}
}

// withoutVersions shortens a batch so that no record is in it twice: staging
// hands over one version of each.
func withoutVersions(batch []item) int {
	seen := map[string]bool{}
	for i, it := range batch {
		var id string
		switch v := it.fact.(type) {
		case attribution.Space:
			id = v.ID
		case attribution.UserRecord:
			id = v.ID
		case attribution.Invitation:
			id = v.ID
		case attribution.Install:
			id = v.ID
		case attribution.Observation:
			id = "seen " + v.RecordID
		default:
			continue
		}
		if seen[id] {
			return i
		}
		seen[id] = true
	}
	return len(batch)
}

// save hands one batch over, each kind of fact in a call of its own.
func (u *underTest) save(batch []item) {
	u.now = u.now.Add(time.Minute)
	u.told = append(u.told, "batch:")
	calls := map[string]func(ctx context.Context, tx *sqlx.Tx) error{}
	for _, it := range batch {
		u.facts.learn(it)
		u.told = append(u.told, "  "+it.show())
		calls[fmt.Sprintf("%T %s", it.fact, it.kind)] = nil
	}
	for name := range calls {
		calls[name] = func(ctx context.Context, tx *sqlx.Tx) error {
			of := slices.DeleteFunc(slices.Clone(batch), func(it item) bool { return fmt.Sprintf("%T %s", it.fact, it.kind) != name })
			return saveSame(ctx, tx, of, u.now)
		}
	}
	order := slices.Sorted(maps.Keys(calls))
	if u.draw != nil {
		order = rapid.Permutation(order).Draw(u.draw, "order of kinds")
	}
	u.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		for _, name := range order {
			if err := calls[name](ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func saveSame(ctx context.Context, tx *sqlx.Tx, of []item, now time.Time) error {
	switch of[0].fact.(type) {
	case attribution.Space:
		return attribution.SaveSpaces(ctx, tx, factsOf[attribution.Space](of), now)
	case attribution.UserRecord:
		return attribution.SaveUserRecords(ctx, tx, factsOf[attribution.UserRecord](of), now)
	case attribution.Invitation:
		return attribution.SaveInvitations(ctx, tx, factsOf[attribution.Invitation](of), now)
	case attribution.Install:
		return attribution.SaveInstalls(ctx, tx, factsOf[attribution.Install](of), now)
	case attribution.HistoryRow:
		return attribution.SaveHistory(ctx, tx, of[0].kind, factsOf[attribution.HistoryRow](of), now)
	default:
		return attribution.SaveObservations(ctx, tx, of[0].kind, factsOf[attribution.Observation](of), now)
	}
}

func factsOf[T any](items []item) []T {
	out := make([]T, len(items))
	for i, it := range items {
		out[i] = it.fact.(T)
	}
	return out
}

func (u *underTest) replay() {
	u.replayBy(rapid.SampledFrom([]int{1, 2, 3, 100}).Draw(u.draw, "limit"))
}

// replayBy runs Replay to the end, in batches that share one now.
func (u *underTest) replayBy(limit int) (total attribution.Replayed) {
	u.now = u.now.Add(time.Minute)
	for range 1000 {
		var r attribution.Replayed
		u.inTx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
			r, err = attribution.Replay(ctx, tx, limit, u.now)
			return err
		})
		if r.Subjects == 0 {
			u.told = append(u.told, fmt.Sprintf("replayed (limit %d): %d, %d changed", limit, total.Subjects, total.Changed))
			u.beliefs.at = append(u.beliefs.at, u.now)
			u.beliefs.spaces = append(u.beliefs.spaces, u.histories()[attribution.KindSpace])
			return total
		}
		total.Subjects += r.Subjects
		total.Changed += r.Changed
		total.Spaces = append(total.Spaces, r.Spaces...)
	}
	u.t.Fatalf("Replay does not come to an end%s", u.story())
	return total
}

// histories gives all that is believed now, of Spaces and of profiles.
func (u *underTest) histories() map[string]map[string][]attribution.Point {
	spaces := slices.Collect(maps.Keys(u.facts.spaces))
	profiles := []string{"ana.new@client.example", "ana@new.example"}
	for _, raw := range rawEmails {
		profiles = append(profiles, emailKey(raw))
	}
	ofSpaces, err := attribution.SpaceHistories(context.Background(), u.db, spaces)
	if err != nil {
		u.t.Fatal(err)
	}
	ofProfiles, err := attribution.ProfileHistories(context.Background(), u.db, profiles)
	if err != nil {
		u.t.Fatal(err)
	}
	maps.DeleteFunc(ofSpaces, func(_ string, p []attribution.Point) bool { return len(p) == 0 })
	maps.DeleteFunc(ofProfiles, func(_ string, p []attribution.Point) bool { return len(p) == 0 })
	return map[string]map[string][]attribution.Point{attribution.KindSpace: ofSpaces, attribution.KindProfile: ofProfiles}
}

// checkedKinds are the kinds of discrepancies that the simulation knows.
var checkedKinds = []string{
	"duplicate_profile", "space_without_creator", "creator_mismatch", "partner_id_mismatch",
	"partner_id_missing_in_salesforce", "malformed_partner_id", "unknown_partner_id",
}

// discrepancies gives the open ones, "kind subject", each with all that it says.
func (u *underTest) discrepancies() map[string]string {
	open, err := ledger.Discrepancies(context.Background(), u.db, ledger.DiscrepancyFilter{})
	if err != nil {
		u.t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range open {
		out[d.Kind+" "+d.Subject] = fmt.Sprintf("%s %s hold=%v %s", d.Object, d.Rule, d.IsHold, d.Detail)
	}
	return out
}

// check compares what is believed with the simulation of the facts so far.
func (u *underTest) check() {
	want := simulate(u.facts, u.issued)
	got := map[string][]held{}
	for _, of := range u.histories() {
		for subject, points := range of {
			for _, p := range points {
				got[subject] = append(got[subject], held{p.At, p.Value})
			}
		}
	}
	if d := cmp.Diff(want.points, got); d != "" {
		u.t.Fatalf("histories (-rulebook +believed):\n%s%s", d, u.story())
	}
	open := map[string]bool{}
	for name := range u.discrepancies() {
		if kind, _, _ := strings.Cut(name, " "); slices.Contains(checkedKinds, kind) {
			open[name] = true
		}
	}
	if d := cmp.Diff(want.open, open); d != "" {
		u.t.Fatalf("open discrepancies (-rulebook +found):\n%s%s", d, u.story())
	}
}

// checkEarlierBeliefs: what was believed after each replay can still be read.
func (u *underTest) checkEarlierBeliefs() {
	for i, at := range u.beliefs.at {
		for space := range u.facts.spaces {
			history, err := attribution.HistoryAsKnown(context.Background(), u.db, subjectOf(space), at)
			if err != nil {
				u.t.Fatal(err)
			}
			var got []attribution.Point
			for _, h := range history {
				got = append(got, attribution.Point{At: h.From, Value: attribution.Value{PartnerID: h.PartnerID, Malformed: h.Malformed}, Cause: h.Cause})
			}
			if d := cmp.Diff(u.beliefs.spaces[i][space], got); d != "" {
				u.t.Fatalf("what was believed of %s after replay %d (-then +as known):\n%s%s", space, i+1, d, u.story())
			}
		}
	}
}

// lateRow takes from the items a change of a Space, to be learned late.
func lateRow(t *rapid.T, items []item) (late *item, others []item) {
	var rows []int
	for i, it := range items {
		if _, ok := it.fact.(attribution.HistoryRow); ok && it.kind == attribution.KindSpace {
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return nil, items
	}
	i := rapid.SampledFrom(rows).Draw(t, "late row")
	return &items[i], slices.Delete(slices.Clone(items), i, i+1)
}

// learnLate: news of an old takeover is replayed through what is downstream of
// it, and only through that (R2.9).
func (u *underTest) learnLate(late item) {
	row := late.fact.(attribution.HistoryRow)
	before := simulate(u.facts, u.issued).points
	u.save([]item{late})
	replayed := u.replayBy(1) // in larger batches, a history may have to be worked out twice
	u.check()

	after := simulate(u.facts, u.issued).points
	changed := 0
	for subject := range after {
		if cmp.Equal(before[subject], after[subject]) {
			continue
		}
		changed++
		_, isSpace := u.facts.spaces[subject]
		if isSpace && !slices.Contains(replayed.Spaces, subject) {
			u.t.Fatalf("the history of %s changed, but Replay does not name it%s", subject, u.story())
		}
	}
	since := row.At
	for _, points := range [][]held{before[row.RecordID], after[row.RecordID]} {
		for _, p := range points {
			isSame := slices.Contains(before[row.RecordID], p) && slices.Contains(after[row.RecordID], p)
			if !isSame && p.At.Before(since) {
				since = p.At
			}
		}
	}
	reach := u.facts.descendants(row.RecordID, since)
	if replayed.Subjects > len(reach) || replayed.Changed < changed {
		u.t.Fatalf("R2.9: replayed %d histories, %d changed; downstream of %s at %s are %d, of which %d changed: %v%s",
			replayed.Subjects, replayed.Changed, row.RecordID, since.Format(time.RFC3339), len(reach), changed, reach, u.story())
	}
}

func (u *underTest) story() string { return "\nwhat was told:\n" + strings.Join(u.told, "\n") }
