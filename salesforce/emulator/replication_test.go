package emulator_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func span(start, end time.Time) string {
	return "?" + url.Values{"start": {start.Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)}}.Encode()
}

func TestReplication(t *testing.T) {
	c := newClient(t, emulator.Options{})
	a, b, gone := c.insert("Account", row{"Name": "a"}), c.insert("Account", row{"Name": "b"}), c.insert("Account", row{"Name": "gone"})
	c.clock.Advance(time.Hour)
	if err := c.org.Update("Account", a, row{"Name": "a2"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := c.org.Delete("Account", gone); err != nil {
		t.Fatal(err)
	}
	c.clock.Advance(90 * time.Second)
	type answer struct {
		IDs                                      []string `json:"ids"`
		DeletedRecords                           []struct{ ID, DeletedDate string }
		LatestDateCovered, EarliestDateAvailable string
	}
	from := noon.Add(30 * time.Minute)
	all := got[answer](t, 200, c, "GET", "sobjects/account/updated/"+span(noon, noon.Add(2*time.Hour)), "")
	if fmt.Sprint(all.IDs) != fmt.Sprint([]string{b, a}) || all.LatestDateCovered != "2026-11-20T13:01:00.000+0000" {
		t.Errorf("all: %+v", all)
	}
	late := got[answer](t, 200, c, "GET", "sobjects/Account/updated/"+span(from, noon.Add(61*time.Minute)), "")
	if fmt.Sprint(late.IDs) != fmt.Sprint([]string{a}) {
		t.Errorf("late: %+v", late)
	}
	deleted := got[answer](t, 200, c, "GET", "sobjects/Account/deleted/"+span(from, noon.Add(2*time.Hour)), "")
	if len(deleted.DeletedRecords) != 1 || deleted.DeletedRecords[0].ID != gone || deleted.DeletedRecords[0].DeletedDate != "2026-11-20T13:00:00.000+0000" ||
		deleted.EarliestDateAvailable != "2026-11-05T13:01:00.000+0000" {
		t.Errorf("deleted: %+v", deleted)
	}
	// A plus sign that the client did not encode.
	if again := got[answer](t, 200, c, "GET", "sobjects/Account/updated?start=2026-11-20T12:30:00+00:00&end=2026-11-20T14:30:00Z", ""); len(again.IDs) != 1 {
		t.Errorf("with a bare plus: %+v", again)
	}
	now := noon.Add(time.Hour)
	for _, tt := range []struct{ path, code string }{
		{"updated/" + span(now, now), "INVALID_REPLICATION_DATE"},
		{"updated/" + span(now, now.Add(-time.Hour)), "INVALID_REPLICATION_DATE"},
		{"updated/" + span(now.AddDate(0, 0, -31), now), "INVALID_REPLICATION_DATE"},
		{"deleted/" + span(now.AddDate(0, 0, -16), now), "INVALID_REPLICATION_DATE"},
		{"updated/?start=2026-11-20T12:30:00Z", "MISSING_ARGUMENT"},
		{"updated/?start=yesterday&end=2026-11-20T12:30:00Z", "ILLEGAL_QUERY_PARAMETER_VALUE"},
	} {
		c.refused(400, tt.code, "GET", "sobjects/Account/"+tt.path, "")
	}
	got[answer](t, 200, c, "GET", "sobjects/Account/updated/"+span(now.AddDate(0, 0, -29), now), "")
	c.refused(404, "NOT_FOUND", "GET", "sobjects/Nothing/updated/"+span(noon, now), "")
}
