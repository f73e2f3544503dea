package attribution_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// lateNews is the rulebook's example 5: ana, who had been invited to a Space that
// held FG3877, ran a QuickStart; later it is learned that AB1234 had taken that
// Space over before. It gives the instants after the first and the late news.
func lateNews(t *testing.T) (l *underTest, first, late time.Time) {
	t.Helper()
	db := pgtest.New(t)
	l = newLedger(t, db, issueIDs(t, db))
	l.save(together(byHand(1, 0, "FG3877"), []item{anyInvitation(1, ana, 1), quickStart(0, ana, "", 5)}))
	l.replayBy(10)
	first = l.now
	l.save([]item{rowOn(onSpace, spaceID(1), "FG3877", "AB1234", 3)})
	l.replayBy(10)
	return l, first, l.now
}

func asKnown(t *testing.T, l *underTest, subject string, known time.Time) []attribution.Holding {
	t.Helper()
	history, err := attribution.HistoryAsKnown(t.Context(), l.db, subjectOf(subject), known)
	if err != nil {
		t.Fatal(err)
	}
	return history
}

// heldAt is the interval of a history in which an instant lies; not ok before the first.
func heldAt(history []attribution.Holding, at time.Time) (_ attribution.Holding, ok bool) {
	for _, h := range slices.Backward(history) {
		if !h.From.After(at) {
			return h, true
		}
	}
	return attribution.Holding{}, false
}

// TestR2_9_BeforeAndAfterLateNews: what is believed of a day depends on when one
// asks, and both answers can be given, with why.
func TestR2_9_BeforeAndAfterLateNews(t *testing.T) {
	l, first, late := lateNews(t)
	row := l.facts.rows[spaceID(1)][0]
	for _, subject := range []string{ana, spaceID(0)} {
		for known, want := range map[time.Time]string{first: "FG3877", late: "AB1234", {}: "AB1234", first.Add(-time.Hour): ""} {
			h, ok := heldAt(asKnown(t, l, subject, known), slotTime(7))
			if h.PartnerID != want || ok != (want != "") {
				t.Errorf("of %s at 7h as known at %s: %q (%t), want %q", subject, known, h.PartnerID, ok, want)
			}
			if _, ok := heldAt(asKnown(t, l, subject, known), slotTime(4)); ok {
				t.Errorf("%s is held before it came to be", subject)
			}
		}
	}

	// The late belief about the Space, as data: by creation, from a profile that
	// had it from an invitation to a Space that was taken over.
	now := asKnown(t, l, spaceID(0), time.Time{})
	at := slotTime(5)
	invitation := attribution.Cause{
		Kind: attribution.CauseInvitation, ID: id("a0I0", idTails[1]), From: spaceID(1), FromAt: new(slotTime(3)), At: new(slotTime(1)),
	}
	want := []attribution.Holding{{
		From: at, PartnerID: "AB1234", LearnedAt: late, Rules: []string{"R2.2", "R2.1"},
		Cause: attribution.Cause{Kind: attribution.CauseCreation, From: ana, FromAt: &at, Via: &invitation},
		Why:   now[0].Why,
	}}
	if d := cmp.Diff(want, now); d != "" {
		t.Errorf("(-want +believed):\n%s", d)
	}
	if !strings.Contains(now[0].Why, invitation.ID) || strings.Contains(now[0].Why, "@") {
		t.Errorf("why: %s", now[0].Why)
	}
	source := asKnown(t, l, spaceID(1), time.Time{})
	if len(source) != 2 || source[0].To == nil || !source[0].To.Equal(row.At) || source[1].To != nil || source[1].Cause.ID != row.ID ||
		source[1].Cause.Kind != attribution.CauseHistory {
		t.Errorf("the Space that was taken over: %+v", source)
	}
	if _, err := json.Marshal(now); err != nil {
		t.Error(err)
	}
}

// TestR2_9_EveryBeliefIsKept: also what is no longer believed, with until when it was.
func TestR2_9_EveryBeliefIsKept(t *testing.T) {
	l, first, late := lateNews(t)
	all, err := attribution.Beliefs(t.Context(), l.db, subjectOf(spaceID(0)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range all {
		until := "now"
		if h.SupersededAt != nil {
			until = h.SupersededAt.Sub(first).String()
		}
		got = append(got, fmt.Sprintf("%s %s-%s", h.PartnerID, h.LearnedAt.Sub(first), until))
	}
	want := []string{"FG3877 0s-" + late.Sub(first).String(), "AB1234 " + late.Sub(first).String() + "-now"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestR3_4_TheHolderOfADayAsKnown: whoever has it at the last instant before the next
// midnight of the company zone; so the takeover day is the new partner's.
func TestR3_4_TheHolderOfADayAsKnown(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save(together(byHand(0, 2, "FG3877"), []item{rowOn(onSpace, spaceID(0), "FG3877", "AB1234", 5)})) // 1 May 2020, 01:00 in New York
	l.replayBy(1)
	history := asKnown(t, l, spaceID(0), time.Time{})
	for _, c := range []struct {
		day  clock.Date
		zone *time.Location
		want string
	}{
		{clock.NewDate(2020, 4, 30), time.UTC, "none"},
		{clock.NewDate(2020, 5, 1), time.UTC, "AB1234"},
		{clock.NewDate(2020, 4, 29), zone, "none"},
		{clock.NewDate(2020, 4, 30), zone, "FG3877"},
		{clock.NewDate(2020, 5, 1), zone, "AB1234"},
		{clock.NewDate(2030, 1, 1), zone, "AB1234"},
	} {
		h, ok := attribution.HolderOn(history, c.day, c.zone)
		if got := map[bool]string{true: h.PartnerID, false: "none"}[ok]; got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.day, c.zone, got, c.want)
		}
	}
}

// TestR2_4_AChangeDatedBeforeCreation counts from the creation, and says when it was.
func TestR2_4_AChangeDatedBeforeCreation(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save([]item{anySpace(0, "", 4), rowOn(onSpace, spaceID(0), "", "FG3877", 1)})
	l.replayBy(1)
	h := asKnown(t, l, spaceID(0), time.Time{})
	if len(h) != 1 || !h[0].From.Equal(slotTime(4)) || h[0].PartnerID != "FG3877" || h[0].Cause.At == nil || !h[0].Cause.At.Equal(slotTime(1)) {
		t.Errorf("%+v", h)
	}
}

func TestR1_3_FindSpaceByEitherFormOfItsID(t *testing.T) {
	l, _, _ := lateNews(t)
	ctx := context.Background()
	want := attribution.Subject{Kind: attribution.KindSpace, ID: spaceID(0), Key: spaceKeys[0]}
	for _, key := range []string{spaceID(0), spaceID(0)[:15], " " + spaceKeys[0] + " "} {
		if got, err := attribution.FindSpace(ctx, l.db, key); err != nil || got != want {
			t.Errorf("%q: %+v, %v", key, got, err)
		}
	}
	for _, key := range []string{"", "s2", "nothing", spaceID(3)} {
		if _, err := attribution.FindSpace(ctx, l.db, key); errs.KindOf(err) != errs.NotFound || errs.HintOf(err) == "" {
			t.Errorf("%q: %v", key, err)
		}
	}
	twin := anySpace(3, "", 0)
	s := twin.fact.(attribution.Space)
	s.Key = spaceKeys[0]
	twin.fact = s
	l.save([]item{twin})
	if _, err := attribution.FindSpace(ctx, l.db, spaceKeys[0]); errs.KindOf(err) != errs.Conflict {
		t.Errorf("of two Spaces with one key: %v", err)
	}
	if got, err := attribution.FindSpace(ctx, l.db, spaceID(0)); err != nil || got != want {
		t.Errorf("by id: %+v, %v", got, err)
	}
}
