package wholeway_test

import (
	"regexp"
	"sort"
	"strings"
	"time"
)

// emailKey is R1.2. The generator knows one domain that IDNA changes.
func emailKey(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), "bücher", "xn--bcher-kva")
}

var wellFormed = regexp.MustCompile(`^[A-Z]{2}[0-9]{4}$`)

// badID begins the value of a Partner ID field that holds what is none (R1.1).
const badID = "malformed:"

// readID is R1.1: what a Partner ID field says; "" is nothing.
func readID(raw string) string {
	id := strings.ToUpper(strings.TrimSpace(raw))
	if id == "" || wellFormed.MatchString(id) {
		return id
	}
	return badID + id
}

// subject is a profile or a Space: what its records say, and what came of it.
type subject struct {
	key      string
	starts   time.Time // registered or created
	stated   string    // its initial value by R2.6
	changes  []held    // stated later, in their order
	next     int       // of changes, during the telling
	isBegun  bool
	creator  string // of a Space: an e-mail key
	spaceKey string
	said     []held // from each instant on, that value
}

// now is what the subject holds at the present of the telling.
func (s *subject) now() string {
	if len(s.said) == 0 {
		return ""
	}
	return s.said[len(s.said)-1].value
}

func (s *subject) say(at time.Time, value string) { s.said = append(s.said, held{at, value}) }

// on is what the subject holds at the end of a day of the company zone (R3.4).
func (s *subject) on(d civil, zone *time.Location) string {
	value := ""
	for _, h := range s.said {
		if civilIn(h.at, zone) <= d {
			value = h.value
		}
	}
	return value
}

// statements works out what a record's field said, by R2.6: the first value, and
// the changes in their order.
func statements(record facts, rows []version) (string, []held) {
	rows = inChainOrder(rows)
	initial := readID(record.first().str("Partner_ID__c"))
	if len(rows) > 0 {
		initial = readID(rows[0].str("OldValue"))
	}
	var changes []held
	said, i := initial, 0
	tell := func(at time.Time, value string) {
		if value != said {
			said = value
			changes = append(changes, held{at, value})
		}
	}
	for _, seen := range record {
		isTracked := false
		for ; i < len(rows) && !rows[i].at.After(seen.at); i++ {
			tell(rows[i].at, readID(rows[i].str("NewValue")))
			isTracked = rows[i].at.Equal(seen.at)
		}
		if !isTracked || !readRowBeatsSight {
			tell(seen.at, readID(seen.str("Partner_ID__c")))
		}
	}
	for ; i < len(rows); i++ {
		tell(rows[i].at, readID(rows[i].str("NewValue")))
	}
	return initial, changes
}

// inChainOrder orders history rows by instant, and rows of one instant so that
// each begins with what the one before ended with (R2.9), then by Id.
func inChainOrder(rows []version) []version {
	sort.Slice(rows, func(i, j int) bool {
		if !rows[i].at.Equal(rows[j].at) {
			return rows[i].at.Before(rows[j].at)
		}
		return rows[i].id < rows[j].id
	})
	for i := 0; i < len(rows); {
		n := i
		for n < len(rows) && rows[n].at.Equal(rows[i].at) {
			n++
		}
		chain(rows[i:n])
		i = n
	}
	return rows
}

// chain orders rows of one instant: the first is one that begins with what no
// other ends with.
func chain(rows []version) {
	for at := range rows {
		for i := at; i < len(rows); i++ {
			follows := at > 0 && rows[at-1].str("NewValue") == rows[i].str("OldValue")
			if at == 0 {
				follows = true
				for j := range rows {
					if j != i && rows[j].str("NewValue") == rows[i].str("OldValue") {
						follows = false
					}
				}
			}
			if follows {
				moved := rows[i]
				copy(rows[at+1:i+1], rows[at:i])
				rows[at] = moved
				break
			}
		}
	}
}

// rowsOf gives the history rows about the Partner ID field of a record.
func (w *world) rowsOf(history, id string) []version {
	var out []version
	for _, f := range w.records(history) {
		if v := f.now(); v.str("ParentId") == id && v.str("Field") == "Partner_ID__c" {
			out = append(out, v)
		}
	}
	return out
}

// leadOf gives the e-mail key of the Lead of the install in an org.
func (w *world) leadOf(org string) string {
	for _, f := range w.records("sfLma__License__c") {
		v := f.now()
		lead, ok := v.fields["sfLma__Lead__r"].(map[string]any)
		if ok && org != "" && longID(v.str("sfLma__Subscriber_Org_ID__c")) == longID(org) {
			email, _ := lead["Email"].(string)
			return emailKey(email)
		}
	}
	return ""
}

// subjects gathers Spaces and profiles with what is stated of them.
func (w *world) subjects() (spaces, profiles map[string]*subject) {
	spaces, profiles = map[string]*subject{}, map[string]*subject{}
	stating := map[string]facts{} // e-mail key → the record that states
	for _, f := range w.records("Space_User__c") {
		key := emailKey(f.first().str("Email__c"))
		at := f.now().instant("Registered_At__c")
		if old, ok := stating[key]; !ok || at.Before(old.now().instant("Registered_At__c")) {
			stating[key] = f
			profiles[key] = &subject{key: key, starts: at}
		}
	}
	for key, f := range stating {
		profiles[key].stated, profiles[key].changes = statements(f, w.rowsOf("Space_User__History", f.now().id))
	}
	for _, f := range w.records("Space__c") {
		v := f.now()
		s := &subject{
			key: v.id, starts: v.instant("Space_Created_At__c"), spaceKey: v.str("Space_Key__c"),
			creator: emailKey(v.str("Creator_Email__c")),
		}
		if v.str("Created_Via__c") == "QuickStart" {
			if s.creator == "" {
				s.creator = w.leadOf(v.str("QuickStart_Org_ID__c"))
			}
			if u := profiles[s.creator]; s.creator != "" && (u == nil || u.starts.After(s.starts)) { // R2.3
				if u == nil {
					profiles[s.creator] = &subject{key: s.creator}
				}
				profiles[s.creator].starts = s.starts
			}
		}
		s.stated, s.changes = statements(f, w.rowsOf("Space__History", v.id))
		spaces[v.id] = s
	}
	return spaces, profiles
}

// travel tells the world's story once, instant by instant, in the order of R2.9,
// and leaves with each Space and profile what it held and when.
func (w *world) travel() (spaces map[string]*subject) {
	spaces, profiles := w.subjects()
	for _, now := range instantsOf(spaces, profiles) {
		for _, all := range []map[string]*subject{spaces, profiles} {
			for _, s := range all {
				if s.isBegun {
					s.catchUp(now)
				}
			}
		}
		for _, u := range profiles {
			if u.starts.Equal(now) {
				u.begin(w.invited(u, spaces))
			}
		}
		for _, s := range spaces {
			if s.starts.Equal(now) {
				taken := ""
				if u := profiles[s.creator]; u != nil && s.creator != "" && u.isBegun { // R2.2
					taken = u.now()
				}
				s.begin(taken)
			}
		}
	}
	return spaces
}

// begin registers a profile or creates a Space, with what it takes unless it
// states something itself (R2.7).
func (s *subject) begin(taken string) {
	s.isBegun = true
	if s.stated != "" {
		taken = s.stated
	}
	s.say(s.starts, taken)
	s.catchUp(s.starts)
}

// catchUp makes the changes up to an instant.
func (s *subject) catchUp(now time.Time) {
	for ; s.next < len(s.changes) && !s.changes[s.next].at.After(now); s.next++ {
		s.say(s.changes[s.next].at, s.changes[s.next].value)
	}
}

// invited gives what a new profile takes from its invitations (R2.1): what the
// Space of the earliest one holds now.
func (w *world) invited(u *subject, spaces map[string]*subject) string {
	var first *subject
	var firstAt time.Time
	for _, f := range w.records("Space_Invitation__c") {
		v := f.now()
		at, s := v.instant("Invited_At__c"), spaces[v.str("Space__c")]
		if emailKey(v.str("Email__c")) != u.key || at.After(u.starts) || s == nil {
			continue
		}
		if first == nil || at.Before(firstAt) || at.Equal(firstAt) && s.spaceKey < first.spaceKey {
			first, firstAt = s, at
		}
	}
	if first == nil {
		return ""
	}
	return first.now()
}

// instantsOf gives every instant at which something happens, in order.
func instantsOf(all ...map[string]*subject) []time.Time {
	seen := map[int64]time.Time{}
	for _, m := range all {
		for _, s := range m {
			seen[s.starts.UnixNano()] = s.starts
			for _, c := range s.changes {
				seen[c.at.UnixNano()] = c.at
			}
		}
	}
	var out []time.Time
	for _, t := range seen {
		out = append(out, t)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Before(out[j]) })
	return out
}
