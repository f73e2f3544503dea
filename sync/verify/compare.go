package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/record"
)

// fieldExtra is the field of a difference that is a whole record too many.
const fieldExtra = "record in Salesforce"

// isUncompared says of a target's field that it is no part of the record's state: when
// it was computed is not sent again by itself.
func isUncompared(name string) bool { return name == "computed_at" }

func (c *comparison) extra(key string, is remote) book.Difference {
	id, _ := is["Id"].(string)
	return book.Difference{
		Check: c.checked.Name, Object: c.checked.object, Subject: key, Field: fieldExtra, Expected: "none", Found: c.to.Object + " " + id,
		Sentence: "Salesforce holds a record that the ledger knows nothing of. Partnersync deletes nothing there: find out who made it, and delete it there if nobody needs it.",
	}
}

func (c *comparison) absent(key string) book.Difference {
	return book.Difference{
		Check: c.checked.Name, Object: c.checked.object, Subject: key, Field: "record", Expected: "a " + c.to.Object, Found: "none",
		Sentence: "The record is gone from Salesforce, or never reached it, though Salesforce confirmed it. " + mendable,
	}
}

const mendable = "`partnersync run push --repair` writes it again."

// compare gives the fields in which a record differs from what the book says.
func (c *comparison) compare(ctx context.Context, key string, want record.Record, is remote) (out []book.Difference, err error) {
	for _, f := range c.to.Fields {
		if isUncompared(f.Name) {
			continue
		}
		expected, sent := at(want, f.Path)
		if !sent {
			continue
		}
		found, _ := at(record.Record(is), f.Path)
		if same(expected, found, c.scale(f.Path)) {
			continue
		}
		if f.Name == "account_id" {
			// A merge of Accounts moves what points to them, there as here (R9.2).
			follows, err := ledger.Survives(ctx, c.tx, shown(expected), shown(found))
			if err != nil {
				return nil, err
			}
			if follows {
				continue
			}
		}
		out = append(out, book.Difference{
			Check: c.checked.Name, Object: c.checked.object, Subject: key, Field: f.Path, Expected: shown(expected), Found: shown(found),
			Sentence: "Salesforce does not hold what the book says, and what push last wrote there: somebody or something changed it in Salesforce. " + mendable,
		})
	}
	return out, nil
}

// at finds the value of a path, over a relationship or not.
func at(r record.Record, path string) (any, bool) {
	relationship, far, isLookup := strings.Cut(path, ".")
	v, there := r[relationship]
	if !isLookup || v == nil {
		return v, there
	}
	switch v := v.(type) {
	case map[string]any:
		v2, there := v[far]
		return v2, there
	case remote:
		v2, there := v[far]
		return v2, there
	}
	return nil, false
}

// scale is how many digits behind the point Salesforce keeps of a number field.
func (c *comparison) scale(path string) int32 {
	if f, ok := c.object.Field(path); ok {
		return int32(f.Scale) //nolint:gosec // a scale is at most 18
	}
	return 0
}

// same says whether Salesforce holds what was sent, as it keeps it: numbers to the
// field's scale, texts without spaces at their ends and with its own line breaks.
func same(sent, held any, scale int32) bool {
	a, isNumber := number(sent)
	b, alsoNumber := number(held)
	if isNumber && alsoNumber {
		return a.Round(scale).Equal(b.Round(scale))
	}
	return shown(sent) == shown(held)
}

func number(v any) (decimal.Decimal, bool) {
	n, is := v.(json.Number)
	if !is {
		return decimal.Decimal{}, false
	}
	d, err := decimal.NewFromString(n.String())
	return d, err == nil
}

// shown gives a value as text; none is "".
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
	}
	return fmt.Sprint(v)
}

var _ Source = (*salesforce.Client)(nil)
