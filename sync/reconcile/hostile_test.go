package reconcile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/mapping"
)

// long is a text that no compression makes small: an index of Postgres takes 2,704 bytes.
func long(alphabet string, n int) string {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

// labels cuts a text into labels of a domain.
func labels(s string) string {
	var out []string
	for part := range slices.Chunk([]byte(s), 60) {
		out = append(out, string(part))
	}
	return strings.Join(out, ".")
}

// sound is a record of a kind that can be read.
func sound(kind mapping.Kind) map[string]any {
	const when = "2019-05-01T00:00:00.000+0000"
	switch kind {
	case mapping.Customer:
		return account("Client", "https://client.example")
	case mapping.Install:
		return map[string]any{"sfLma__Subscriber_Org_ID__c": "00D0E0000000001", "sfLma__Is_Sandbox__c": false, "sfLma__Install_Date__c": "2019-05-01"}
	case mapping.Connection:
		return map[string]any{"Space__c": spaceID(1), "Org_ID__c": "00D0E0000000001", "Connected_At__c": when}
	case mapping.Space:
		return spaceOf(acct2, "AB1234")
	case mapping.Profile:
		return map[string]any{"Email__c": "ana@client.example", "Registered_At__c": when, "Partner_ID__c": "AB1234"}
	case mapping.Invitation:
		return map[string]any{"Space__c": spaceID(2), "Email__c": "ana@client.example", "Invited_At__c": when}
	case mapping.SpaceHistory, mapping.ProfileHistory:
		return map[string]any{"ParentId": spaceID(2), "Field": "Partner_ID__c", "OldValue": nil, "NewValue": "AB1234", "CreatedDate": when}
	case mapping.Opportunity:
		return won(acct2)
	case mapping.Registration:
		return approved("Account__c", acct2)
	case mapping.Engagement:
		return map[string]any{"Partner_Registration__c": reg1, "Engaged_On__c": "2026-03-01", "Kind__c": "Demo"}
	}
	return nil
}

// No text that somebody writes into a record keeps another record from being read, or another's sale from
// being paid (a text area holds 131,072 characters, and a mapping may name one).
func TestNoTextStopsABatch(t *testing.T) {
	t.Parallel()
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	word, many := long(letters, 100_000), long(letters, 3000)
	for name, text := range map[string]string{
		"a long word":             word,
		"a long address":          many + "@client.example",
		"a long domain":           "ana@" + many[:60] + "." + many + ".example",
		"a long domain of labels": "https://" + labels(many) + ".example",
		"controls":                "a\x00\x01\x1b[2J\r\n\u202e\u2028\"'\\%;--",
		"no text":                 "\xff\xfe\xed\xa0\x80",
		"a sentence of SQL":       "'); drop table ledger.line; --",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			n := 0
			for _, kind := range mapping.Kinds() {
				fact, _ := mapping.Default().Fact(kind)
				for _, field := range fact.Fields {
					if field.Type != mapping.TextType {
						continue
					}
					n++
					id := fmt.Sprintf("a%02d%012dAAA", 10+slices.Index(mapping.Kinds(), kind), n)
					l.stage(kind, id, saying(kind, field.Paths[0], text))
				}
			}
			l.stage(mapping.Customer, acct1, account("Acme", ""))
			l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "FG3877"))
			l.stage(mapping.Opportunity, opp1, won(acct1))
			l.run()
			l.pay()
			var paid int
			must(t, l.db.Get(&paid, `select count(*) from ledger.entry where source_id = $1 and payee_id = 'FG3877'`, opp1))
			if paid == 0 {
				t.Error("the sale beside is not paid")
			}
		})
	}
}

// saying is a sound record that says something at a path.
func saying(kind mapping.Kind, path, text string) map[string]any {
	parent, field, isFar := strings.Cut(path, ".")
	if !isFar {
		return with(sound(kind), path, text)
	}
	return with(sound(kind), parent, map[string]any{field: text})
}
