package deal

import (
	"unicode/utf8"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// What a person states here is bounded as it is in Salesforce, where it is shown: a
// name takes a text field, what is told a long one. In characters.
const (
	longestName = 255
	longestText = 32_000
)

// earliestEngagement is the first day on which an engagement may have been. Who types
// an earlier one has left digits out of the year.
var earliestEngagement = clock.NewDate(1990, 1, 1)

// stated is a text that a person states, with its name and how long it may be.
type stated struct {
	name, text string
	longest    int
}

// refuseLong refuses texts that are too long; errs.Invalid.
func refuseLong(texts ...stated) error {
	for _, s := range texts {
		if n := utf8.RuneCountInString(s.text); n > s.longest {
			return errs.New(errs.Invalid, "the %s has %d characters", s.name, n).WithHint("It may have %d; say it shorter.", s.longest)
		}
	}
	return nil
}

// refuseLong refuses a registration that says more than its fields take.
func (r Registration) refuseLong() error {
	return refuseLong(
		stated{"customer's name", r.CustomerName, longestName}, stated{"e-mail domain", r.EmailDomain, longestName},
		stated{"project", r.Project, longestName}, stated{"timeframe", r.Timeframe, longestName}, stated{"priority", r.Priority, longestName},
		stated{"text on key people", r.KeyPeople, longestText}, stated{"use case", r.UseCase, longestText},
		stated{"business outcome", r.BusinessOutcome, longestText},
	)
}
