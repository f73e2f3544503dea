package attribution_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// item is one thing that a pull brings: a fact, and for a statement what kind of
// record it is of.
type item struct {
	fact any
	kind string
	// after is the place, in the world, of the item that must be learned before,
	// or -1: the e-mail address under which a user is first seen is a fact of its
	// own (R2.10).
	after int
}

// world is everything that will ever be known, in no order.
type world struct{ items []item }

func (w *world) add(kind string, fact any) int { return w.addAfter(-1, kind, fact) }

func (w *world) addAfter(after int, kind string, fact any) int {
	w.items = append(w.items, item{fact: fact, kind: kind, after: after})
	return len(w.items) - 1
}

// The vocabulary of random worlds: small, so that things coincide.
var (
	rawIDs    = []string{"", "", " ", "FG3877", "fg3877 ", "AB1234", "AB1234", "ZZ9999", "FG-3877", "AB12345"}
	rawEmails = []string{" Ana@Client.example", "ana+demo@client.example", "BO@x.example", "bot@Partner.example"}
	spaceKeys = []string{"S2", "S10", "s1", "S1"}
	idTails   = []string{"b", "A", "a", "C", "B", "d", "D", "c"} // their order is that of bytes, not of a dictionary
)

const lastSlot = 9

var epoch = time.Date(2020, 5, 1, 0, 0, 0, 0, time.UTC)

func slotTime(slot int) time.Time { return epoch.Add(time.Duration(slot) * time.Hour) }

func id(prefix, tail string) string {
	full, err := sfid.Parse(prefix + strings.Repeat("0", 15-len(prefix)-len(tail)) + tail)
	if err != nil {
		panic(err)
	}
	return full
}

func spaceID(i int) string { return id("a0S0", idTails[i]) }

func emailKey(raw string) string {
	key, err := ledger.EmailKey(raw)
	if err != nil {
		panic(err)
	}
	return key
}

func drawSlot(t *rapid.T, label string, from int) int {
	return rapid.IntRange(from, lastSlot).Draw(t, label)
}

// drawEmail gives an e-mail key, or "" where that is allowed.
func drawEmail(t *rapid.T, label string, others ...string) string {
	return rapid.SampledFrom(append(others, emailKey(rawEmails[0]), emailKey(rawEmails[1]), emailKey(rawEmails[2]),
		emailKey(rawEmails[3]))).Draw(t, label)
}

// oneIn says yes once in n times.
func oneIn(t *rapid.T, label string, n int) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func drawWorld(t *rapid.T, isWild bool) *world {
	w := &world{}
	spaces := rapid.IntRange(1, 4).Draw(t, "spaces")
	alias := ""
	for i := range rapid.IntRange(0, 4).Draw(t, "users") {
		alias = w.drawUser(t, i, alias, isWild)
	}
	for i := range spaces {
		w.drawSpace(t, i, alias, isWild)
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "invitations") {
		w.drawInvitation(t, i, spaces, alias)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "installs") {
		v := attribution.Install{
			ID: id("a0L0", idTails[i]), OrgID: id("00D0", idTails[i]), Status: "Active",
			LeadEmail: drawEmail(t, "lead", ""), Modstamp: slotTime(20),
		}
		if oneIn(t, "install has two versions", 3) {
			was := v
			was.LeadEmail, was.Modstamp = drawEmail(t, "former lead", ""), slotTime(19)
			if i == 0 && oneIn(t, "formerly of another org", 3) {
				was.OrgID = id("00D0", idTails[2])
			}
			w.add("", was)
		}
		w.add("", v)
	}
	return w
}

func (w *world) drawSpace(t *rapid.T, i int, alias string, isWild bool) {
	draw := func() attribution.Space {
		s := attribution.Space{
			ID: spaceID(i), Key: spaceKeys[i], CreatedVia: rapid.SampledFrom([]string{"QuickStart", "Manual"}).Draw(t, "via"),
			CreatorEmail: drawEmail(t, "creator", "", alias), CreatedAt: slotTime(drawSlot(t, "created", 0)),
		}
		if org := rapid.IntRange(0, 3).Draw(t, "org"); org > 0 {
			s.QuickStartOrgID = id("00D0", idTails[org-1])
		}
		return s
	}
	v := draw()
	v.Modstamp, v.IsDeleted = slotTime(20), oneIn(t, "deleted", 5)
	if oneIn(t, "Space has two versions", 4) {
		was := draw()
		was.Modstamp = slotTime(19)
		w.add("", was)
	}
	w.add("", v)
	w.drawStatements(t, attribution.KindSpace, v.ID, slices.Index(slots(), v.CreatedAt), isWild)
}

func slots() []time.Time {
	out := make([]time.Time, lastSlot+1)
	for i := range out {
		out[i] = slotTime(i)
	}
	return out
}

// drawUser adds a user's record; it gives the alias that a user has by now.
func (w *world) drawUser(t *rapid.T, i int, alias string, isWild bool) string {
	emails := rawEmails
	if alias != "" {
		emails = append(slices.Clone(rawEmails), "Ana.New@client.example")
	}
	raw := rapid.SampledFrom(emails).Draw(t, "email")
	slot := drawSlot(t, "registered", 0)
	v := attribution.UserRecord{
		ID: id("a0U0", idTails[i]), Email: raw, EmailKey: emailKey(raw), RegisteredAt: slotTime(slot), Modstamp: slotTime(20),
	}
	if oneIn(t, "user has two versions", 4) {
		was := v
		was.RegisteredAt, was.Modstamp = slotTime(drawSlot(t, "formerly registered", 0)), slotTime(19)
		w.add("", was)
	}
	first := w.add("", v)
	if alias == "" && oneIn(t, "e-mail edited", 4) {
		alias = "ana.new@client.example"
		v.Email, v.EmailKey, v.Modstamp = "Ana.New@Client.example", alias, slotTime(21)
		edited := w.addAfter(first, "", v)
		if oneIn(t, "edited again", 3) {
			v.Email, v.EmailKey, v.Modstamp = "ana@new.example", "ana@new.example", slotTime(22)
			w.addAfter(edited, "", v)
		}
	}
	w.drawStatements(t, attribution.KindProfile, v.ID, slot, isWild)
	return alias
}

func (w *world) drawInvitation(t *rapid.T, i, spaces int, alias string) {
	var also []string
	if alias != "" {
		also = append(also, alias)
	}
	draw := func() attribution.Invitation {
		return attribution.Invitation{
			ID: id("a0I0", idTails[i]), SpaceID: spaceID(rapid.IntRange(0, spaces-1).Draw(t, "invited to")),
			EmailKey: drawEmail(t, "invited", also...), InvitedAt: slotTime(drawSlot(t, "invited at", 0)),
		}
	}
	v := draw()
	v.Modstamp, v.IsDeleted = slotTime(20), oneIn(t, "deleted", 4)
	if oneIn(t, "invitation has two versions", 4) {
		was := draw()
		was.Modstamp = slotTime(19)
		w.add("", was)
	}
	w.add("", v)
}

// drawStatements adds what Salesforce states of a record's Partner ID. In a
// world that is not wild the record really changed from one value to the next,
// and history rows and observations are what the platform would give of it.
func (w *world) drawStatements(t *rapid.T, kind, record string, created int, isWild bool) {
	if isWild {
		w.drawWildStatements(t, kind, record)
		return
	}
	// 0: the org tracks nothing; 1: it tracks the field; 2: rows were purged, or
	// tracking was switched on at some time.
	tracked := rapid.IntRange(0, 2).Draw(t, "tracked")
	tails := rapid.Permutation(idTails).Draw(t, "history ids")
	value, slot := rapid.SampledFrom(rawIDs).Draw(t, "initially"), created
	isSeen, last := map[int]bool{}, -1
	see := func(label string, n int) {
		if !isSeen[slot] && oneIn(t, label, n) {
			isSeen[slot] = true // pulls see a record in the order of its states
			last = w.addAfter(last, kind, attribution.Observation{RecordID: record, Raw: value, Modstamp: slotTime(slot)})
		}
	}
	see("seen new", 2)
	had := map[time.Time]map[attribution.Value]bool{}
	hasRows := false
	for i := range rapid.IntRange(0, 3).Draw(t, "changes") {
		to := rapid.SampledFrom(rawIDs).Draw(t, "changed to")
		at := min(slot+rapid.IntRange(0, 3).Draw(t, "later"), lastSlot)
		if at > slot {
			slot = at
			see("touched", 4) // by somebody who changed something else
		}
		// No value twice within one instant: what such rows mean is for their Ids alone to say.
		if had[slotTime(slot)] == nil {
			had[slotTime(slot)] = map[attribution.Value]bool{read(value): true}
		}
		if had[slotTime(slot)][read(to)] {
			continue
		}
		had[slotTime(slot)][read(to)] = true
		// Once tracking is on, it stays on: only the oldest rows may be missing.
		if tracked == 1 || tracked == 2 && (hasRows || oneIn(t, "row is there", 2)) {
			hasRows = true
			w.add(kind, attribution.HistoryRow{
				ID: id("0170"+record[2:3]+record[14:15], tails[i]), RecordID: record, Old: value, New: to, At: slotTime(slot),
			})
		}
		value = to
		see("seen changed", 2)
	}
	slot = lastSlot + 1
	see("seen at last", 1)
}

// drawWildStatements adds statements that need not agree with each other.
func (w *world) drawWildStatements(t *rapid.T, kind, record string) {
	all := rapid.Permutation(slots()).Draw(t, "instants")
	for i := range rapid.IntRange(0, 4).Draw(t, "observations") {
		w.add(kind, attribution.Observation{
			RecordID: record, Raw: rapid.SampledFrom(rawIDs).Draw(t, "seen"), Modstamp: all[i],
		})
	}
	all = rapid.Permutation(slots()).Draw(t, "instants")
	for i := range rapid.IntRange(0, 3).Draw(t, "rows") {
		w.add(kind, attribution.HistoryRow{
			ID: id("0170"+record[2:3]+record[14:15], idTails[i]), RecordID: record, Old: rapid.SampledFrom(rawIDs).Draw(t, "old"),
			New: rapid.SampledFrom(rawIDs).Draw(t, "new"), At: all[i],
		})
	}
}

// drawOrder gives the world's items in some order in which they may be learned.
func drawOrder(t *rapid.T, w *world, label string) []item {
	places := make([]int, len(w.items))
	for i := range places {
		places[i] = i
	}
	order := rapid.Permutation(places).Draw(t, label)
	for i := 0; i < len(order); i++ {
		if j := slices.Index(order, w.items[order[i]].after); j > i {
			order[i], order[j] = order[j], order[i]
			i-- // what stands here now may have to wait, too
		}
	}
	out := make([]item, len(order))
	for i, p := range order {
		out[i] = w.items[p]
	}
	return out
}

// show writes an item for whoever reads a failure.
func (i item) show() string {
	at := func(t time.Time) string { return fmt.Sprintf("%gh", t.Sub(epoch).Hours()) }
	switch v := i.fact.(type) {
	case attribution.Space:
		return fmt.Sprintf("Space %s key=%s %s creator=%q org=%q created %s (version %s)", v.ID, v.Key, v.CreatedVia, v.CreatorEmail,
			v.QuickStartOrgID, at(v.CreatedAt), at(v.Modstamp))
	case attribution.UserRecord:
		return fmt.Sprintf("user %s %s registered %s (version %s)", v.ID, v.EmailKey, at(v.RegisteredAt), at(v.Modstamp))
	case attribution.Invitation:
		return fmt.Sprintf("invitation %s of %s to %s at %s (version %s)", v.ID, v.EmailKey, v.SpaceID, at(v.InvitedAt), at(v.Modstamp))
	case attribution.Install:
		return fmt.Sprintf("install %s org=%s lead=%q (version %s)", v.ID, v.OrgID, v.LeadEmail, at(v.Modstamp))
	case attribution.HistoryRow:
		return fmt.Sprintf("history %s of %s %s: %q→%q at %s", v.ID, i.kind, v.RecordID, v.Old, v.New, at(v.At))
	case attribution.Observation:
		return fmt.Sprintf("seen on %s %s: %q at %s", i.kind, v.RecordID, v.Raw, at(v.Modstamp))
	}
	return fmt.Sprintf("%T", i.fact)
}
