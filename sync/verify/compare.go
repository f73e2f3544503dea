package verify

import (
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

// compare gives the fields in which a record differs from what the book says, as
// Salesforce keeps it: what it makes itself of links to records that were merged and
// deleted is no difference.
func (c *comparison) compare(key string, state record.State, is record.Remote) (out []book.Difference) {
	want := record.Make(c.to, key, state.Values)
	for _, f := range c.to.Fields {
		if record.IsUncompared(f.Name) {
			continue
		}
		expected, found, differ := record.Differ(want, is, f.Path, c.object)
		if !differ || state.MayHold(f.Name, found) {
			continue
		}
		out = append(out, book.Difference{
			Check: c.checked.Name, Object: c.checked.object, Subject: key, Field: f.Path, Expected: record.Shown(expected), Found: record.Shown(found),
			Sentence: "Salesforce does not hold what the book says, and what push last wrote there: somebody or something changed it in Salesforce. " + mendable,
		})
	}
	return out
}

var _ Source = (*salesforce.Client)(nil)
