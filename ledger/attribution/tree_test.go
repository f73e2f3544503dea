package attribution_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// A tree of propagation: the root is a Space by hand, which holds FG3877. Every
// other node is a user who was invited to the Space of the node above, registered,
// and created a Space by QuickStart at once; Salesforce states no Partner ID of
// them. Node n comes about n minutes after the epoch.
const treeFanOut = 4

type tree struct {
	t     testing.TB
	db    *sqlx.DB
	nodes int // the root and the users
	now   time.Time
}

func (tr *tree) at(n int) time.Time       { return epoch.Add(time.Duration(n) * time.Minute) }
func (tr *tree) space(n int) string       { return fmt.Sprintf("a0S%012dAAA", n) }
func (tr *tree) user(n int) string        { return fmt.Sprintf("user%d@client.example", n) }
func (tr *tree) children(n int) (c []int) { return tr.present(n*treeFanOut+1, n*treeFanOut+treeFanOut) }

func (tr *tree) present(from, to int) (out []int) {
	for n := from; n <= min(to, tr.nodes-1); n++ {
		out = append(out, n)
	}
	return out
}

// growTree copies the facts of a tree into the ledger, every history to be worked out.
func growTree(t testing.TB, users int) *tree {
	tr := &tree{t: t, db: pgtest.New(t), nodes: users + 1, now: epoch.AddDate(2, 0, 0)}
	issueIDs(t, tr.db)
	users18 := func(n int) string { return fmt.Sprintf("a0U%012dAAA", n) }
	later := tr.at(tr.nodes)
	tr.copyIn("ledger.space (id, space_key, created_via, creator_email, creator_key, created_at, is_deleted, modstamp)", 0,
		func(n int) []any {
			if n == 0 {
				return []any{tr.space(n), "S0", "Manual", "", "", tr.at(n), false, later}
			}
			return []any{tr.space(n), fmt.Sprintf("S%d", n), "QuickStart", tr.user(n), tr.user(n), tr.at(n), false, later}
		})
	tr.copyIn("ledger.profile_record (id, email, profile, email_key, registered_at, is_deleted, modstamp)", 1, func(n int) []any {
		return []any{users18(n), tr.user(n), tr.user(n), tr.user(n), tr.at(n), false, later}
	})
	tr.copyIn("ledger.profile_alias (email_key, profile, record_id)", 1, func(n int) []any {
		return []any{tr.user(n), tr.user(n), users18(n)}
	})
	tr.copyIn("ledger.invitation (id, space_id, email_key, invited_at, is_deleted, modstamp)", 1, func(n int) []any {
		above := (n - 1) / treeFanOut
		return []any{fmt.Sprintf("a0I%012dAAA", n), tr.space(above), tr.user(n), tr.at(above).Add(time.Second), false, later}
	})
	tr.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		seen := attribution.Observation{RecordID: tr.space(0), Raw: "FG3877", Modstamp: tr.at(0)}
		return attribution.SaveObservations(ctx, tx, attribution.KindSpace, []attribution.Observation{seen}, tr.now)
	})
	for kind, name := range map[string]func(int) string{attribution.KindSpace: tr.space, attribution.KindProfile: tr.user} {
		tr.copyIn("ledger.replay (subject_kind, subject, origin, marked_at)", 1, func(n int) []any {
			return []any{kind, name(n), tr.at(n), tr.now}
		})
	}
	for _, name := range []string{"space", "profile_record", "profile_alias", "invitation", "replay"} {
		if _, err := tr.db.Exec("analyze ledger." + name); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

func (tr *tree) inTx(f func(ctx context.Context, tx *sqlx.Tx) error) {
	tr.t.Helper()
	if err := pg.InTx(context.Background(), tr.db, f); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *tree) copyIn(table string, from int, row func(n int) []any) {
	tr.t.Helper()
	name, list, _ := strings.Cut(strings.TrimSuffix(table, ")"), " (")
	rows := iter.Seq2[[]any, error](func(yield func([]any, error) bool) {
		for n := from; n < tr.nodes && yield(row(n), nil); n++ {
		}
	})
	tr.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := pg.CopyIn(ctx, tx, name, strings.Split(list, ", "), rows)
		return err
	})
}

// replay works out all that is marked, and says how fast.
func (tr *tree) replay(what string) (total attribution.Replayed, perSecond float64) {
	tr.t.Helper()
	tr.now = tr.now.Add(time.Hour)
	began, analyzed := clock.System{}.Now(), 0
	for {
		var r attribution.Replayed
		tr.inTx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
			r, err = attribution.Replay(ctx, tx, 1000, tr.now)
			return err
		})
		if r.Subjects == 0 {
			break
		}
		total.Subjects += r.Subjects
		total.Changed += r.Changed
		total.Spaces = append(total.Spaces, r.Spaces...)
		if total.Subjects > 10*(analyzed+1000) { // as the stage does
			analyzed = total.Subjects
			for _, name := range []string{"profile", "holding", "replay"} {
				if _, err := tr.db.Exec("analyze ledger." + name); err != nil {
					tr.t.Fatal(err)
				}
			}
		}
	}
	took := clock.System{}.Now().Sub(began).Seconds()
	perSecond = float64(total.Subjects) / took
	tr.t.Logf("%s: %d histories, %d changed, in %.2f s: %.0f a second", what, total.Subjects, total.Changed, took, perSecond)
	return total, perSecond
}

// takeOver tells late that AB1234 took over a node's Space just after its nth child
// had registered. It gives the subjects that the news reaches: that Space, the
// users who registered after, their Spaces, and so on.
func (tr *tree) takeOver(node, child int) map[string]bool {
	tr.t.Helper()
	after := tr.children(node)[child-1]
	tr.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		row := attribution.HistoryRow{
			ID: "01700000000000LAAA", RecordID: tr.space(node), Old: "FG3877", New: "AB1234", At: tr.at(after).Add(time.Second),
		}
		return attribution.SaveHistory(ctx, tx, attribution.KindSpace, []attribution.HistoryRow{row}, tr.now)
	})
	reached := map[string]bool{tr.space(node): true}
	for next := tr.present(after+1, tr.children(node)[0]+treeFanOut-1); len(next) > 0; {
		n := next[0]
		reached[tr.user(n)], reached[tr.space(n)] = true, true
		next = append(next[1:], tr.children(n)...)
	}
	return reached
}

// treeUsers is how many users the tree of the test has, unless
// PARTNERSYNC_TREE_USERS says otherwise.
const treeUsers = 3000

// TestR2_9_ALateTakeoverReachesExactlyWhatIsDownstream: of a tree of users and
// Spaces, what lies below a late takeover changes, each history worked out once;
// of all others not a row is so much as written again.
func TestR2_9_ALateTakeoverReachesExactlyWhatIsDownstream(t *testing.T) {
	users := treeUsers
	if s := os.Getenv("PARTNERSYNC_TREE_USERS"); s != "" {
		var err error
		if users, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	tr := growTree(t, users)
	tr.replay("first")
	tr.checkHolders(map[string]bool{})
	// A row's xmin and ctid change when it is written, even with the same content.
	if _, err := tr.db.Exec(`create table before as select h, h.subject, h.xmin::text as written, h.ctid::text as place from ledger.holding h`); err != nil {
		t.Fatal(err)
	}
	reached := tr.takeOver(1, 2)
	r, _ := tr.replay("after the late takeover")
	if r.Subjects != len(reached) || r.Changed != len(reached) {
		t.Errorf("replayed %d histories, %d changed; downstream are %d", r.Subjects, r.Changed, len(reached))
	}
	var touched []string
	if err := tr.db.Select(&touched, `
		select distinct coalesce(b.subject, h.subject) from before b
		full join ledger.holding h on h.subject = b.subject and h::text = b.h::text and h.xmin::text = b.written and h.ctid::text = b.place
		where b.subject is null or h.subject is null`); err != nil {
		t.Fatal(err)
	}
	for _, s := range touched {
		if !reached[s] {
			t.Errorf("the history of %s was written, which lies elsewhere", s)
		}
	}
	if len(touched) != len(reached) {
		t.Errorf("%d histories were written, want %d", len(touched), len(reached))
	}
	tr.checkHolders(reached)
}

// checkHolders: what the news reached holds AB1234 now, and nothing else does.
func (tr *tree) checkHolders(reached map[string]bool) {
	tr.t.Helper()
	var last []struct {
		Subject string `db:"subject"`
		ID      string `db:"partner_id"`
	}
	if err := tr.db.Select(&last, `
		select distinct on (subject) subject, partner_id from ledger.holding
		where superseded_at is null order by subject, at desc`); err != nil {
		tr.t.Fatal(err)
	}
	if len(last) != 2*tr.nodes-1 {
		tr.t.Errorf("%d histories, of %d users and %d Spaces", len(last), tr.nodes-1, tr.nodes)
	}
	for _, h := range last {
		if h.ID != "FG3877" && h.ID != "AB1234" || (h.ID == "AB1234") != reached[h.Subject] {
			tr.t.Errorf("%s holds %s", h.Subject, h.ID)
		}
	}
}

// BenchmarkReplay works out a tree of 100,000 users and as many Spaces, and then
// what lies below a late takeover that reaches about half of a quarter of it.
func BenchmarkReplay(b *testing.B) {
	for b.Loop() {
		tr := growTree(b, 100_000)
		_, first := tr.replay("first")
		reached := tr.takeOver(1, 2)
		r, late := tr.replay("after the late takeover")
		if r.Subjects != len(reached) || r.Changed != len(reached) {
			b.Errorf("replayed %d histories, %d changed; downstream are %d", r.Subjects, r.Changed, len(reached))
		}
		b.ReportMetric(first, "first/s")
		b.ReportMetric(late, "late/s")
	}
}

// BenchmarkSpaceHistories reads the histories by which a batch of accrue earns.
func BenchmarkSpaceHistories(b *testing.B) {
	tr := growTree(b, 20_000)
	tr.replay("first")
	ids := make([]string, 500)
	for i := range ids {
		ids[i] = tr.space(1 + i*39)
	}
	b.ReportAllocs()
	for b.Loop() {
		all, err := attribution.SpaceHistories(b.Context(), tr.db, ids)
		if err != nil || len(all) != len(ids) {
			b.Fatal(len(all), err)
		}
	}
}
