package staging_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/sync/staging"
)

// A record of a common width, as each of the APIs sends it.
const (
	wideFields = "Id,SystemModstamp,IsDeleted,Name,AccountId,Space__c,Amount,CloseDate,StageName,IsClosed,IsWon,Type,CreatedDate,Service_Start__c,Service_End__c,Net_New_Amount__c"
	wideJSON   = `{"attributes":{"type":"Opportunity","url":"/services/data/v62.0/sobjects/Opportunity/006000000000001AAA"},"Id":"006000000000001AAA",` +
		`"SystemModstamp":"2026-11-20T12:00:00.000+0000","IsDeleted":false,"Name":"Acme renewal 12345","AccountId":"001000000000001AAA","Space__c":"a00000000000001AAA",` +
		`"Amount":12000.5,"CloseDate":"2026-10-31","StageName":"Closed Won","IsClosed":true,"IsWon":true,"Type":"Renewal",` +
		`"CreatedDate":"2026-10-20T12:00:00.000+0000","Service_Start__c":"2026-11-01","Service_End__c":null,"Net_New_Amount__c":null}`
	wideCSV = `006000000000001AAA,2026-11-20T12:00:00.000Z,false,Acme renewal 12345,001000000000001AAA,a00000000000001AAA,12000.5,2026-10-31,Closed Won,true,true,Renewal,2026-10-20T12:00:00.000Z,2026-11-01,,`
)

func wide(b *testing.B) *staging.Receiver {
	var columns []staging.Column
	for name := range strings.SplitSeq(wideFields, ",") {
		c := staging.Column{Path: name}
		switch {
		case strings.HasPrefix(name, "Is"):
			c.Form = staging.FormBool
		case strings.Contains(name, "Amount"):
			c.Form = staging.FormNumber
		case name == "SystemModstamp", name == "CreatedDate":
			c.Form = staging.FormTime
		}
		columns = append(columns, c)
	}
	s, err := staging.NewShape("Opportunity", "SystemModstamp", columns)
	if err != nil {
		b.Fatal(err)
	}
	return s.NewReceiver()
}

func BenchmarkReceiveJSON(b *testing.B) {
	r := wide(b)
	raw := []byte(wideJSON)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.JSON(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiveInGeneral(b *testing.B) {
	raw := []byte(wideJSON)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := staging.Receive("Opportunity", "SystemModstamp", raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiveCSV(b *testing.B) {
	r := wide(b)
	var names, cells [][]byte
	for name := range strings.SplitSeq(wideFields, ",") {
		names = append(names, []byte(name))
	}
	for cell := range strings.SplitSeq(wideCSV, ",") {
		cells = append(cells, []byte(cell))
	}
	if err := r.Header(names); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Line(cells); err != nil {
			b.Fatal(err)
		}
	}
}
