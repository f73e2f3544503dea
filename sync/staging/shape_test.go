package staging_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/sync/staging"
)

// columns has a field of every form, in an order that is not that of the names, and
// parents: two fields of one, with another between them, and one of a parent's parent.
var columns = []staging.Column{
	{Path: "Id"}, {Path: "SystemModstamp", Form: staging.FormTime}, {Path: "IsDeleted", Form: staging.FormBool},
	{Path: "Name"}, {Path: "Amount", Form: staging.FormNumber}, {Path: "Owner.Name"}, {Path: "At", Form: staging.FormTime},
	{Path: "Account.Owner.Email"}, {Path: "Owner.Age", Form: staging.FormNumber}, {Path: "OldValue", Form: staging.FormAny},
}

func receiver(t interface{ Fatal(...any) }) *staging.Receiver {
	s, err := staging.NewShape(object, "SystemModstamp", columns)
	if err != nil {
		t.Fatal(err)
	}
	r := s.NewReceiver()
	names := make([][]byte, len(columns))
	for i, c := range columns {
		names[i] = []byte(c.Path)
	}
	if err := r.Header(names); err != nil {
		t.Fatal(err)
	}
	return r
}

// written is a value as each of the APIs writes it: "" is null in CSV.
type written struct{ json, csv string }

var nothing = written{"null", ""}

func draw(t *rapid.T, c staging.Column, label string) written {
	switch {
	case c.Path == "Id":
		return written{`"a01000000000001AAA"`, "a01000000000001AAA"}
	case c.Path != "SystemModstamp" && c.Path != "IsDeleted" && rapid.IntRange(0, 4).Draw(t, label+" is null") == 0:
		return nothing
	}
	switch c.Form {
	case staging.FormBool:
		s := fmt.Sprint(rapid.Bool().Draw(t, label))
		return written{s, s}
	case staging.FormNumber:
		return drawNumber(t, label)
	case staging.FormTime:
		s := rapid.SampledFrom([]string{"2026-11-20T12:00:00", "2024-02-29T23:59:59", "1999-12-31T00:00:00"}).Draw(t, label)
		milli := rapid.SampledFrom([]string{".000", ".120"}).Draw(t, label)
		return written{`"` + s + milli + `+0000"`, s + milli + "Z"}
	}
	s := rapid.String().Draw(t, label)
	if s == "" {
		return nothing
	}
	return written{drawString(t, s, label), s}
}

// drawNumber writes one number in two of its many ways.
func drawNumber(t *rapid.T, label string) written {
	n := rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, label)
	write := func(label string) string {
		sign, digits := "", fmt.Sprint(n)
		if n < 0 {
			sign, digits = "-", digits[1:]
		}
		digits = strings.Repeat("0", max(0, 4-len(digits))) + digits // thousandths
		whole, fraction := digits[:len(digits)-3], digits[len(digits)-3:]
		switch rapid.IntRange(0, 2).Draw(t, label) {
		case 0:
			return sign + whole + "." + fraction + "00"
		case 1:
			return sign + strings.TrimSuffix(whole+"."+strings.TrimRight(fraction, "0"), ".")
		}
		return fmt.Sprintf("%dE-3", n)
	}
	return written{write(label + " in JSON"), write(label + " in CSV")}
}

// drawString writes a text as JSON with more or fewer escapes.
func drawString(t *rapid.T, s, label string) string {
	b, err := json.Marshal(s) // escapes <, > and & too
	if err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, label+" escapes less") {
		var w bytes.Buffer
		e := json.NewEncoder(&w)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		b = bytes.TrimSpace(w.Bytes())
	}
	return string(b)
}

// object writes the columns below a prefix as the REST API does, parents in the place
// of their first field.
func restObject(values []written, prefix string, members []string) string {
	var b strings.Builder
	done := map[string]bool{}
	for i, c := range columns {
		rest, below := strings.CutPrefix(c.Path, prefix)
		if !below {
			continue
		}
		head, _, isParent := strings.Cut(rest, ".")
		if done[head] {
			continue
		}
		done[head] = true
		value := values[i].json
		if isParent {
			value = `{"attributes":{"type":"X"},` + restObject(values, prefix+head+".", nil)[1:]
		}
		members = append(members, fmt.Sprintf("%q:%s", head, value))
	}
	b.WriteString("{" + strings.Join(members, ",") + "}")
	return b.String()
}

// TestBothAPIsGiveTheSamePayload: a record that comes by REST, by REST in another order
// of its members, and by Bulk as CSV is one and the same, byte for byte.
func TestBothAPIsGiveTheSamePayload(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := make([]written, len(columns))
		cells := make([][]byte, len(columns))
		for i, c := range columns {
			values[i] = draw(t, c, c.Path)
			cells[i] = []byte(values[i].csv)
		}
		attributes := []string{`"attributes":{"type":"Space__c","url":"/services/data/v62.0/x"}`}
		rest := restObject(values, "", attributes)
		r := receiver(t)
		byREST, err := r.JSON([]byte(rest))
		if err != nil {
			t.Fatalf("%s: %v", rest, err)
		}
		byBulk, err := r.Line(cells)
		if err != nil {
			t.Fatalf("%q: %v", cells, err)
		}
		spaced := strings.Replace(rest, `,"Name":`, ` , "Name" : `, 1)
		other, err := r.JSON([]byte(spaced))
		if err != nil {
			t.Fatalf("%s: %v", spaced, err)
		}
		if string(byREST.Payload) != string(byBulk.Payload) || string(other.Payload) != string(byBulk.Payload) {
			t.Fatalf("by REST: %s\nby Bulk: %s\nin general: %s", byREST.Payload, byBulk.Payload, other.Payload)
		}
		if !byREST.Modstamp.Equal(byBulk.Modstamp) || byREST.IsDeleted != byBulk.IsDeleted || byREST.ID != byBulk.ID {
			t.Fatalf("%+v\n%+v", byREST, byBulk)
		}
		again, err := staging.Receive(object, "SystemModstamp", byBulk.Payload)
		if err != nil || !json.Valid(byBulk.Payload) || again.ID != byBulk.ID {
			t.Fatalf("%s: %v", byBulk.Payload, err)
		}
	})
}

func TestNumbersHaveOneForm(t *testing.T) {
	t.Parallel()
	r := receiver(t)
	for in, want := range map[string]string{
		"0": "0", "-0.00": "0", "1200": "1200", "1200.0": "1200", "1.20E3": "1200", "1.25e+1": "12.5", "0.10": "0.1", "12E-3": "0.012",
		"-0.5": "-0.5", "1e999": "1e999", "100000000000000000000000.5": "100000000000000000000000.5",
	} {
		got, err := r.JSON([]byte(`{"Id":"a01000000000001","SystemModstamp":"2026-11-20T12:00:00.000+0000","Amount":` + in + `}`))
		if err != nil || !strings.Contains(string(got.Payload), `"Amount":`+want+`,`) {
			t.Errorf("%s: %s, %v", in, got.Payload, err)
		}
	}
}

func TestAFieldThatIsMissingStaysMissing(t *testing.T) {
	t.Parallel()
	got, err := receiver(t).JSON([]byte(`{"Name":"x","SystemModstamp":"2026-11-20T12:00:00.000+0000","Id":"a01000000000001"}`))
	if err != nil || string(got.Payload) != `{"Id":"a01000000000001","Name":"x","SystemModstamp":"2026-11-20T12:00:00.000+0000"}` {
		t.Errorf("%s, %v", got.Payload, err)
	}
}

func TestResultsWithOtherColumnsAreRefused(t *testing.T) {
	t.Parallel()
	s, err := staging.NewShape(object, "SystemModstamp", columns[:3])
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range []string{"Id,SystemModstamp", "Id,SystemModstamp,Id", "Id,SystemModstamp,Name", "Id,SystemModstamp,IsDeleted,Name", ""} {
		if err := s.NewReceiver().Header(bytes.Split([]byte(names), []byte(","))); err == nil {
			t.Errorf("%q is taken", names)
		}
	}
	r := s.NewReceiver()
	if err := r.Header([][]byte{[]byte("IsDeleted"), []byte("id"), []byte("SystemModstamp")}); err != nil {
		t.Fatal(err)
	}
	got, err := r.Line([][]byte{[]byte("true"), []byte("a01000000000001"), []byte("2026-11-20T12:00:00.000Z")})
	if err != nil || !got.IsDeleted || string(got.Payload) != `{"Id":"a01000000000001","IsDeleted":true,"SystemModstamp":"2026-11-20T12:00:00.000+0000"}` {
		t.Errorf("%s, %v", got.Payload, err)
	}
	if _, err := r.Line([][]byte{[]byte("true")}); err == nil {
		t.Error("a short line is taken")
	}
}

func FuzzReceiverTakesWhatReceiveTakes(f *testing.F) {
	const head = `{"Id":"a01000000000001","SystemModstamp":"2026-11-20T12:00:00.000+0000","IsDeleted":false,"Name":`
	f.Add(head + `"x","Amount":1.0,"Owner":{"Name":"\ud800","Age":null},"At":null,"Account":null,"OldValue":true}`)
	f.Add(head + `"\"","Amount":-,"Owner":null,"At":"","Account":{"Owner":null},"OldValue":[1]}`)
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := receiver(t).JSON([]byte(raw))
		if err != nil {
			return
		}
		if !json.Valid(got.Payload) {
			t.Fatalf("not JSON: %s", got.Payload)
		}
		again, err := receiver(t).JSON(got.Payload)
		if err != nil || string(again.Payload) != string(got.Payload) {
			t.Fatalf("not canonical: %s, then %s, %v", got.Payload, again.Payload, err)
		}
	})
}
