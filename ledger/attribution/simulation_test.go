package attribution_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/partnersync/partnersync/ledger/attribution"
)

// This file is rulebook 2 once more, as simply as it can be put and sharing no
// code with the package: all that happened in a small world, sorted by instant
// and by the order of R2.9, and maps of who holds what.

// Two readings of the rulebook's letter, each in one place.
const (
	// R2.6: the OldValue of the first history row is the initial value even of a
	// record that was seen before that row. The other reading: an earlier first
	// sight is, because tracking was switched on later.
	firstRowFirst = false
	// R2.8 speaks of every interval, on profiles too. The other reading: only of
	// those that have revenue.
	unknownOnProfiles = false
)

// facts is what records state so far.
type facts struct {
	spaces      map[string]attribution.Space
	users       map[string]userFacts
	invitations map[string]attribution.Invitation
	installs    map[string]attribution.Install
	rows        map[string][]attribution.HistoryRow
	seen        map[string][]attribution.Observation
}

type userFacts struct {
	attribution.UserRecord
	first   string          // e-mail key under which it was first seen
	aliases map[string]bool // and those that it had later, for good (R2.10)
}

func newFacts() *facts {
	return &facts{
		spaces: map[string]attribution.Space{}, users: map[string]userFacts{},
		invitations: map[string]attribution.Invitation{}, installs: map[string]attribution.Install{},
		rows: map[string][]attribution.HistoryRow{}, seen: map[string][]attribution.Observation{},
	}
}

// learn adds what one record states; an older version of it says nothing new.
func (f *facts) learn(i item) {
	switch v := i.fact.(type) {
	case attribution.Space:
		if !v.Modstamp.Before(f.spaces[v.ID].Modstamp) {
			f.spaces[v.ID] = v
		}
	case attribution.UserRecord:
		was, known := f.users[v.ID]
		if !known {
			was.first, was.aliases = v.EmailKey, map[string]bool{}
		}
		was.aliases[v.EmailKey] = true
		if !v.Modstamp.Before(was.Modstamp) {
			was.UserRecord = v
		}
		f.users[v.ID] = was
	case attribution.Invitation:
		if !v.Modstamp.Before(f.invitations[v.ID].Modstamp) {
			f.invitations[v.ID] = v
		}
	case attribution.Install:
		if !v.Modstamp.Before(f.installs[v.ID].Modstamp) {
			f.installs[v.ID] = v
		}
	case attribution.HistoryRow:
		f.rows[v.RecordID] = append(f.rows[v.RecordID], v)
	case attribution.Observation:
		f.seen[v.RecordID] = append(f.seen[v.RecordID], v)
	}
}

// profileOf is the profile that an e-mail key stands for (R2.10).
func (f *facts) profileOf(key string) string {
	alias := ""
	for _, u := range f.users {
		if u.first == key {
			return key
		}
		if u.aliases[key] && (alias == "" || u.first < alias) {
			alias = u.first
		}
	}
	if alias != "" {
		return alias
	}
	return key
}

func (f *facts) leadOf(org string) string {
	for _, n := range f.installs {
		if org != "" && n.OrgID == org {
			return n.LeadEmail
		}
	}
	return ""
}

// creator is the profile of a Space's creator, "" if there is none (R2.2, R2.3).
func (f *facts) creator(s attribution.Space) string {
	key := s.CreatorEmail
	if key == "" && s.CreatedVia == attribution.QuickStart {
		key = f.leadOf(s.QuickStartOrgID)
	}
	if key == "" {
		return ""
	}
	return f.profileOf(key)
}

// registrations gives when each profile registered (R2.10), and which record
// states its Partner ID ("" if none).
func (f *facts) registrations() (at map[string]time.Time, states map[string]string) {
	at, states = map[string]time.Time{}, map[string]string{}
	earliest := func(p string, t time.Time) {
		if was, ok := at[p]; !ok || t.Before(was) {
			at[p] = t
		}
	}
	for id, u := range f.users {
		earliest(u.first, u.RegisteredAt)
		best, ok := f.users[states[u.first]]
		if c := u.RegisteredAt.Compare(best.RegisteredAt); !ok || c < 0 || c == 0 && id < best.ID {
			states[u.first] = id
		}
	}
	for _, s := range f.spaces {
		if p := f.creator(s); p != "" && s.CreatedVia == attribution.QuickStart {
			earliest(p, s.CreatedAt)
		}
	}
	return at, states
}

var partnerID = regexp.MustCompile(`^[A-Za-z]{2}[0-9]{4}$`)

// read reads a Partner ID as it was typed (R1.1).
func read(raw string) attribution.Value {
	raw = strings.TrimSpace(raw)
	if raw == "" || !partnerID.MatchString(raw) {
		return attribution.Value{PartnerID: raw, Malformed: raw != ""}
	}
	return attribution.Value{PartnerID: strings.ToUpper(raw)}
}

// held is a value from an instant on.
type held struct {
	At time.Time
	attribution.Value
}

// stated gives the initial value that Salesforce states of a record, nil if it
// states none, and the later changes in order (R2.6).
func (f *facts) stated(record string) (initial *attribution.Value, changes []held) {
	rows := map[time.Time][]attribution.HistoryRow{}
	seen := map[time.Time]attribution.Value{}
	instants := map[time.Time]bool{}
	for _, r := range f.rows[record] {
		rows[r.At], instants[r.At] = append(rows[r.At], r), true
	}
	for _, o := range f.seen[record] {
		seen[o.Modstamp], instants[o.Modstamp] = read(o.Raw), true
	}
	ordered := slices.SortedFunc(maps.Keys(instants), time.Time.Compare)
	for _, t := range ordered {
		if _, ok := seen[t]; ok && len(rows[t]) == 0 && !firstRowFirst {
			break
		}
		if len(rows[t]) > 0 {
			v := read(chain(nil, rows[t])[0].Old)
			initial = &v
			break
		}
	}
	var now *attribution.Value
	if initial != nil {
		v := *initial
		now = &v
	}
	for _, t := range ordered {
		inChain := map[attribution.Value]bool{}
		for _, r := range chain(now, rows[t]) {
			v := read(r.New)
			inChain[read(r.Old)], inChain[v] = true, true
			changes, now = append(changes, held{t, v}), &v
		}
		v, ok := seen[t]
		switch {
		case !ok || inChain[v] || now != nil && *now == v:
		case now == nil:
			initial, now = &v, &v
		default:
			changes, now = append(changes, held{t, v}), &v
		}
	}
	return initial, changes
}

// chain puts history rows of one instant into the order of their Old→New chain,
// then of their Ids: of all orders, the one that breaks the chain least.
func chain(before *attribution.Value, rows []attribution.HistoryRow) []attribution.HistoryRow {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b attribution.HistoryRow) int { return strings.Compare(a.ID, b.ID) })
	best, fewest := rows, 1<<30
	var try func(done, left []attribution.HistoryRow, at *attribution.Value, breaks int)
	try = func(done, left []attribution.HistoryRow, at *attribution.Value, breaks int) {
		if len(left) == 0 && breaks < fewest {
			best, fewest = slices.Clone(done), breaks
		}
		for i, r := range left {
			b := breaks
			if at != nil && *at != read(r.Old) {
				b++
			}
			v := read(r.New)
			try(append(slices.Clone(done), r), slices.Delete(slices.Clone(left), i, i+1), &v, b)
		}
	}
	try(nil, rows, before, 0)
	return best
}

// believed is what must be believed of a world.
type believed struct {
	points map[string][]held
	open   map[string]bool // "kind subject"
}

// occurrence is something that happens to a subject.
type occurrence struct {
	at    time.Time
	class int // R2.9
	do    func()
}

const (
	classChange = iota
	classInvitation
	classRegistration
	classCreation
)

// simulation plays a world from its first instant to its last.
type simulation struct {
	*facts
	believed
	issued  map[string]bool
	exists  map[string]bool
	early   map[string]held                   // stated changes of what is not there yet
	invited map[string]attribution.Invitation // of a profile, the one that counts
	agenda  []occurrence
}

func simulate(f *facts, issued map[string]bool) believed {
	s := &simulation{
		facts: f, believed: believed{points: map[string][]held{}, open: map[string]bool{}}, issued: issued,
		exists: map[string]bool{}, early: map[string]held{}, invited: map[string]attribution.Invitation{},
	}
	registered, states := f.registrations()
	for _, p := range slices.Sorted(maps.Keys(registered)) {
		initial := s.plan(p, states[p])
		s.at(registered[p], classRegistration, func() { s.register(p, registered[p], initial) })
	}
	for _, id := range slices.Sorted(maps.Keys(f.spaces)) {
		initial := s.plan(id, id)
		s.at(f.spaces[id].CreatedAt, classCreation, func() { s.create(f.spaces[id], initial) })
	}
	for _, v := range f.invitations {
		s.at(v.InvitedAt, classInvitation, func() { s.invite(v) })
	}
	slices.SortStableFunc(s.agenda, func(a, b occurrence) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.class - b.class
	})
	for _, o := range s.agenda {
		o.do()
	}
	s.remark()
	return s.believed
}

func (s *simulation) at(t time.Time, class int, do func()) {
	s.agenda = append(s.agenda, occurrence{t, class, do})
}

// plan puts what a record states of a subject on the agenda.
func (s *simulation) plan(subject, record string) (initial *attribution.Value) {
	initial, changes := s.stated(record)
	for _, c := range changes {
		s.at(c.At, classChange, func() {
			if s.exists[subject] {
				s.set(subject, c)
			} else {
				s.early[subject] = c
			}
		})
	}
	return initial
}

func (s *simulation) set(subject string, h held) {
	was := s.points[subject]
	if n := len(was); n > 0 && was[n-1].At.Equal(h.At) {
		was = was[:n-1]
	}
	if n := len(was); n == 0 || was[n-1].Value != h.Value {
		was = append(was, h)
	}
	s.points[subject] = was
}

func (s *simulation) now(subject string) attribution.Value {
	if was := s.points[subject]; len(was) > 0 {
		return was[len(was)-1].Value
	}
	return attribution.Value{}
}

// invite keeps the earliest invitation, of several at once the one to the smaller
// Space key (R2.1).
func (s *simulation) invite(v attribution.Invitation) {
	p := s.profileOf(v.EmailKey)
	best, ok := s.invited[p]
	if !ok || best.InvitedAt.Equal(v.InvitedAt) && s.spaces[v.SpaceID].Key < s.spaces[best.SpaceID].Key {
		s.invited[p] = v
	}
}

// begin is the first instant of a subject: what is stated against what is derived (R2.7).
func (s *simulation) begin(subject string, t time.Time, stated *attribution.Value, derived attribution.Value) {
	s.exists[subject] = true
	value := derived
	switch {
	case stated == nil:
	case stated.IsBlank() && !derived.IsBlank():
		s.open["partner_id_missing_in_salesforce "+subject] = true
	case !stated.IsBlank():
		value = *stated
		if !derived.IsBlank() && derived != value {
			s.open["partner_id_mismatch "+subject] = true
		}
	}
	s.set(subject, held{t, value})
	if early, ok := s.early[subject]; ok {
		s.set(subject, held{t, early.Value})
	}
}

func (s *simulation) register(p string, t time.Time, stated *attribution.Value) {
	var derived attribution.Value
	if v, ok := s.invited[p]; ok {
		derived = s.now(v.SpaceID)
	}
	s.begin(p, t, stated, derived)
}

func (s *simulation) create(sp attribution.Space, stated *attribution.Value) {
	var derived attribution.Value
	if p := s.creator(sp); p != "" && s.exists[p] {
		derived = s.now(p)
	} else {
		s.open["space_without_creator "+sp.ID] = true
	}
	s.begin(sp.ID, sp.CreatedAt, stated, derived)
}

// remark notes what is wrong with the world as a whole.
func (s *simulation) remark() {
	records := map[string]int{}
	for _, u := range s.users {
		if records[u.first]++; records[u.first] == 2 {
			s.open["duplicate_profile "+u.first] = true
		}
	}
	for id, sp := range s.spaces {
		lead := s.leadOf(sp.QuickStartOrgID)
		if sp.CreatedVia == attribution.QuickStart && sp.CreatorEmail != "" && lead != "" && sp.CreatorEmail != lead {
			s.open["creator_mismatch "+id] = true
		}
	}
	for subject, points := range s.points {
		for _, p := range points {
			switch {
			case p.Malformed:
				s.open["malformed_partner_id "+subject] = true
			case !p.IsBlank() && !s.issued[p.PartnerID] && (unknownOnProfiles || !strings.Contains(subject, "@")):
				s.open["unknown_partner_id "+subject] = true
			}
		}
	}
}

// descendants gives all that a change of a Space at an instant may reach: users
// who register after it, invited to the Space; their later Spaces; and so on.
func (f *facts) descendants(space string, since time.Time) map[string]bool {
	registered, _ := f.registrations()
	out := map[string]bool{}
	var ofSpace, ofProfile func(id string, since time.Time)
	ofSpace = func(id string, since time.Time) {
		out[id] = true
		for _, v := range f.invitations {
			p := f.profileOf(v.EmailKey)
			if at, ok := registered[p]; v.SpaceID == id && ok && !at.Before(since) && !at.Before(v.InvitedAt) && !out[p] {
				ofProfile(p, at)
			}
		}
	}
	ofProfile = func(p string, since time.Time) {
		out[p] = true
		for _, s := range f.spaces {
			if f.creator(s) == p && !s.CreatedAt.Before(since) && !out[s.ID] {
				ofSpace(s.ID, s.CreatedAt)
			}
		}
	}
	ofSpace(space, since)
	return out
}
