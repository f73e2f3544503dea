package attribution_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/attribution"
)

func anySpace(i int, creator string, created int) item {
	return item{after: -1, fact: attribution.Space{
		ID: spaceID(i), Key: spaceKeys[i], CreatedVia: "Manual", CreatorEmail: creator, CreatedAt: slotTime(created), Modstamp: slotTime(20),
	}}
}

func quickStart(i int, creator, org string, created int) item {
	it := anySpace(i, creator, created)
	s := it.fact.(attribution.Space)
	s.CreatedVia, s.QuickStartOrgID = attribution.QuickStart, org
	it.fact = s
	return it
}

func anyUser(i int, key string, registered, version int) item {
	return item{after: -1, fact: attribution.UserRecord{
		ID: id("a0U0", idTails[i]), Email: key, EmailKey: key, RegisteredAt: slotTime(registered), Modstamp: slotTime(version),
	}}
}

func anyInvitation(i int, key string, at int) item {
	return item{after: -1, fact: attribution.Invitation{
		ID: id("a0I0", idTails[i]), SpaceID: spaceID(i), EmailKey: key, InvitedAt: slotTime(at), Modstamp: slotTime(20),
	}}
}

func anyInstall(org, lead string, version int) item {
	return item{after: -1, fact: attribution.Install{ID: id("a0L0", "A"), OrgID: org, LeadEmail: lead, Modstamp: slotTime(version)}}
}

func seenOn(kind, record, raw string, at int) item {
	return item{kind: kind, after: -1, fact: attribution.Observation{RecordID: record, Raw: raw, Modstamp: slotTime(at)}}
}

func rowOn(kind, record, old, changed string, at int) item {
	return item{kind: kind, after: -1, fact: attribution.HistoryRow{
		ID: id("0170", record[14:15]), RecordID: record, Old: old, New: changed, At: slotTime(at),
	}}
}

// TestR2_9_LateNewsOneByOne tells small worlds batch by batch, with a replay
// after each: each is the least of something that a random world once found.
func TestR2_9_LateNewsOneByOne(t *testing.T) {
	s, u := spaceID(0), id("a0U0", idTails[0])
	orgs := []string{id("00D0", "A"), id("00D0", "B")}
	const ana, bo, other, third = "ana@client.example", "bo@x.example", "ana.new@client.example", "ana@new.example"
	onSpace, onProfile := attribution.KindSpace, attribution.KindProfile
	for _, c := range []struct {
		name    string
		batches [][]item
	}{
		{"R2.8: an ID that was not issued, on a profile", [][]item{
			{anyUser(0, ana, 0, 20), seenOn(onProfile, u, "ZZ9999", 1)},
		}},
		{"R2.6: the org began to track after first sight", [][]item{
			{anySpace(0, "", 0), seenOn(onSpace, s, "FG3877", 1)},
			{seenOn(onSpace, s, "AB1234", 3)},
			{rowOn(onSpace, s, "AB1234", "", 5)},
		}},
		{"R2.6: a pull between two edits of one second", [][]item{
			{anySpace(0, "", 0), seenOn(onSpace, s, "FG3877", 1)},
			{rowOn(onSpace, s, "FG3877", "AB1234", 1)},
		}},
		{"R2.6: filled and cleared between two pulls that saw it blank, the clearing untracked", [][]item{
			{anySpace(0, "", 0), seenOn(onSpace, s, "", 0)},
			{rowOn(onSpace, s, "", "FG3877", 1)},
			{seenOn(onSpace, s, "", 2)},
		}},
		{"R2.9: observations out of order", [][]item{
			{anySpace(0, "", 0), seenOn(onSpace, s, "FG3877", 1)},
			{seenOn(onSpace, s, "FG3877", 3)},
			{seenOn(onSpace, s, "AB1234", 2)},
		}},
		{"R2.3: an install moves to another org", [][]item{
			{anyInstall(orgs[0], ana, 19), quickStart(0, "", orgs[0], 1)},
			{anyInstall(orgs[1], ana, 20)},
		}},
		{"R2.10: an address edited twice", [][]item{
			{anySpace(0, "", 0), seenOn(onSpace, s, "FG3877", 0), anyInvitation(0, other, 1)},
			{anyUser(0, ana, 2, 19)},
			{anyUser(0, other, 2, 20)},
			{anyUser(0, third, 2, 21)},
		}},
		{"R2.10: an address edited to one that had run a QuickStart", [][]item{
			{quickStart(0, other, "", 1), anyUser(0, ana, 2, 19)},
			{anyUser(0, other, 2, 20)},
		}},
		{"R2.10: a new user registers with somebody's later address", [][]item{
			{anyUser(0, ana, 2, 19)},
			{anyUser(0, other, 2, 20)},
			{quickStart(0, other, "", 1)},
			{anyUser(1, other, 3, 20)},
		}},
		{"R2.1: an invitation to a Space that is known later", [][]item{
			{anyUser(0, bo, 2, 20), anyInvitation(0, bo, 1), anyInvitation(1, bo, 1)},
			{anySpace(1, "", 0), seenOn(onSpace, spaceID(1), "FG3877", 0)},
			{anySpace(0, "", 0), seenOn(onSpace, s, "AB1234", 0)},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := pgtest.New(t)
			l := newLedger(t, db, issueIDs(t, db))
			for _, batch := range c.batches {
				l.save(batch)
				l.replayBy(1)
				l.check()
			}
			l.checkEarlierBeliefs()
		})
	}
}

// TestR1_2_LookAlikesAreFoundInAnyBatch: both of two addresses that would fold
// together are noted, whether they are worked out together or one by one.
func TestR1_2_LookAlikesAreFoundInAnyBatch(t *testing.T) {
	for _, limit := range []int{1, 2} {
		db := pgtest.New(t)
		l := newLedger(t, db, issueIDs(t, db))
		l.save([]item{anyUser(0, "ana@client.example", 1, 20), anyUser(1, "ana+demo@client.example", 2, 20)})
		l.replayBy(limit)
		got := map[string]bool{}
		for name := range l.discrepancies() {
			got[name] = true
		}
		want := map[string]bool{
			"possible_duplicate_profile ana@client.example": true, "possible_duplicate_profile ana+demo@client.example": true,
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Replay by %d (-want +got):\n%s", limit, d)
		}
	}
}

// TestR2_6_TwoStatesOfOneSecond: SystemModstamp counts whole seconds, so two
// pulls may see two states of a record under one of them.
func TestR2_6_TwoStatesOfOneSecond(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save([]item{anySpace(0, "", 0), seenOn(attribution.KindSpace, spaceID(0), "FG3877", 1)})
	l.replayBy(1)
	l.save([]item{seenOn(attribution.KindSpace, spaceID(0), "AB1234", 1)})
	l.replayBy(1)
	points := l.histories()[attribution.KindSpace][spaceID(0)]
	if n := len(points); n == 0 || points[n-1].PartnerID != "AB1234" {
		t.Errorf("the last pull saw AB1234; believed is %v", points)
	}
}
