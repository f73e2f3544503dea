package verify

import (
	"context"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/record"
)

// fieldExtra is the field of a difference that is a whole record too many.
const fieldExtra = "record in Salesforce"

func (c *comparison) extra(key string, is record.Remote) book.Difference {
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
func (c *comparison) compare(ctx context.Context, key string, want record.Record, is record.Remote) (out []book.Difference, err error) {
	for _, f := range c.to.Fields {
		if record.IsUncompared(f.Name) {
			continue
		}
		expected, found, differ := record.Differ(want, is, f.Path, c.object)
		if !differ {
			continue
		}
		if f.Name == "account_id" {
			// A merge of Accounts moves what points to them, there as here (R9.2).
			follows, err := ledger.Survives(ctx, c.tx, record.Shown(expected), record.Shown(found))
			if err != nil {
				return nil, err
			}
			if follows {
				continue
			}
		}
		out = append(out, book.Difference{
			Check: c.checked.Name, Object: c.checked.object, Subject: key, Field: f.Path, Expected: record.Shown(expected), Found: record.Shown(found),
			Sentence: "Salesforce does not hold what the book says, and what push last wrote there: somebody or something changed it in Salesforce. " + mendable,
		})
	}
	return out, nil
}

var _ Source = (*salesforce.Client)(nil)
