package apply_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/apply"
)

// A file that somebody was sent costs no more to read than it is long, and what is said of it is short.
func TestAFileIsReadWithinItsMeans(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": "partners: " + strings.Repeat("[", 200_000),
		"names":    "partners:\n- {key: a, name: &s " + strings.Repeat("x", 100_000) + ", partner_ids: [" + strings.Repeat("*s, ", 20_000) + "*s]}\n",
		"faults":   "partners:\n- {key: a, name: &s " + strings.Repeat("x", 100_000) + ", partner_ids: [" + strings.Repeat("*s, ", 90) + "*s]}\n",
		"a line":   "partners: {" + strings.Repeat("x", 1<<20) + ": 1}\n",
	} {
		_, err := apply.Read(strings.NewReader(text), name)
		if errs.KindOf(err) != errs.Invalid || len(err.Error()) > 20_000 {
			t.Errorf("%s: %d bytes of %.100v", name, len(fmt.Sprint(err)), err)
		}
	}
}
