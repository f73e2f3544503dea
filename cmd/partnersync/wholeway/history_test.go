package wholeway_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// The records of an org of 2026. The second Space and the second user are older
// than their records: somebody brought them there in 2022.
var tracked = map[string]string{
	"Space__c.csv": `Space_Key__c,Name,Creator_Email__c,Space_Created_At__c,Partner_ID__c,CreatedDate,LastModifiedDate
S-2018,Old,ana@x.example,2018-03-01T10:00:00Z,FG3877,2018-03-01T10:00:04Z,2023-05-01T10:00:00Z
S-2022,Moved,bo@x.example,2012-06-01T10:00:00Z,FG3877,2022-01-10T10:00:00Z,2022-01-10T10:00:00Z
S-2024,New,bo@x.example,2024-02-01T10:00:00Z,FG3877,2024-02-01T10:00:03Z,2024-02-01T10:00:03Z
`,
	"Space_User__c.csv": `Email__c,Registered_At__c,Partner_ID__c,CreatedDate,LastModifiedDate
ana@x.example,2018-02-01T10:00:00Z,FG3877,2018-02-01T10:00:02Z,2018-02-01T10:00:02Z
bo@x.example,2012-05-01T10:00:00Z,FG3877,2022-01-09T10:00:00Z,2022-01-09T10:00:00Z
`,
}

const (
	noHistory   = "Parent.Space_Key__c,Field,OldValue,NewValue,CreatedDate\n"
	noUserRows  = "ParentId,Field,OldValue,NewValue,CreatedDate\n"
	aTakeover   = "S-2018,Partner_ID__c,AB1234,FG3877,2023-05-01T10:00:00Z\n"
	otherField  = "S-2022,Name,Mvoed,Moved,2022-06-01T10:00:00Z\n"
	createdRow  = "S-2022,created,,,2022-01-10T10:00:00Z\n"
	createdLast = "S-2024,created,,,2024-02-01T10:00:03Z\n"
)

// TestR2_6_HowFarBackHistoryGoes: exactly the records that are older than the oldest
// row of their history are noted, whatever that row is about.
func TestR2_6_HowFarBackHistoryGoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spaces string // the history of Spaces; "" is a whole one
		want         []string
	}{
		{"whole", "", nil},
		{"purged, a row of creation is the oldest left", noHistory + createdRow + aTakeover + createdLast, []string{"S-2018"}},
		{"purged, a row of another field is the oldest left", noHistory + otherField + aTakeover, []string{"S-2018", "S-2022"}},
		{"purged, and no row about a Partner ID is left", noHistory + createdRow + createdLast, []string{"S-2018"}},
		{"purged but for the row of a takeover", noHistory + aTakeover, []string{"S-2018", "S-2022"}},
		{"without any row", noHistory, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWay(t, "2026-11-20T06:00:00Z")
			files := maps.Clone(tracked)
			if c.spaces != "" {
				files["Space__History.csv"], files["Space_User__History.csv"] = c.spaces, noUserRows
			}
			dir := t.TempDir()
			for name, content := range files {
				must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
			}
			must(t, w.org.LoadDir(dir))
			w.run()
			w.wantIncomplete("at first sight", c.want)
			// What is tracked from now on does not move it.
			for _, r := range w.org.Records("Space__c") {
				w.change("Space__c", text(r["Id"]), "2026-11-20T06:30:00Z", map[string]any{"Partner_ID__c": "AB1234"})
			}
			for _, r := range w.org.Records("Space_User__c") {
				w.change("Space_User__c", text(r["Id"]), "2026-11-20T06:30:00Z", map[string]any{"Partner_ID__c": "AB1234"})
			}
			w.clock.Advance(time.Hour)
			w.run()
			w.wantIncomplete("later", c.want)
		})
	}
}

// wantIncomplete compares the Space keys and users that are noted.
func (w *way) wantIncomplete(when string, want []string) {
	w.t.Helper()
	var got []string
	must(w.t, w.db.Select(&got, `
		select coalesce(s.space_key, d.subject) from ledger.discrepancy d left join ledger.space s on s.id = d.subject
		where d.kind = 'history_incomplete' and d.resolved_at is null order by 1`))
	if !slices.Equal(got, want) {
		w.t.Errorf("%s, noted are %v, want %v", when, got, want)
	}
}
