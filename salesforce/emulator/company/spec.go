package company

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// Spec is what a person wrote of a company, such as "customers=10000,seed=7": the
// keys that were given, and what they say.
type Spec map[string]int64

// specKeys are the keys of a Spec, with their bounds.
var specKeys = []struct {
	name       string
	least, max int64
}{
	{"customers", 1, MaxCustomers}, {"opportunities", 1, MaxOpportunities}, {"partners", 1, MaxPartners}, {"leads", 0, MaxLeads},
	{"years", 1, MaxYears}, {"seed", -1 << 63, 1<<63 - 1},
}

// SpecKeys names them, in the order of importance.
func SpecKeys() []string {
	names := make([]string, len(specKeys))
	for i, k := range specKeys {
		names[i] = k.name
	}
	return names
}

// ParseSpec reads key=number pairs, joined by commas. The error is an errs.Invalid
// that says what is wrong with which part, and what could be meant.
func ParseSpec(text string) (Spec, error) {
	s := Spec{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, hasValue := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if err := s.add(name, value, hasValue); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add takes one pair in.
func (s Spec) add(name, value string, hasValue bool) error {
	switch {
	case name == "" && !hasValue:
		return errs.New(errs.Invalid, "it has an empty part").WithHint("Write pairs such as customers=10000,seed=7.")
	case !hasValue && strings.Trim(name, "0123456789") == "":
		return errs.New(errs.Invalid, "%q is not key=number", name).WithHint("Write numbers without a separator, such as customers=10000.")
	}
	for _, k := range specKeys {
		if k.name != name {
			continue
		}
		if _, twice := s[name]; twice {
			return errs.New(errs.Invalid, "%s is given twice", name)
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return errs.New(errs.Invalid, "%s=%s is not a whole number", name, value).WithHint("Write it in digits, such as %s=%d.", name, max(k.least, 7))
		}
		if n < k.least || n > k.max {
			return errs.New(errs.Invalid, "%s=%d is not within %d to %d", name, n, k.least, k.max)
		}
		s[name] = n
		return nil
	}
	hint := "The keys are " + strings.Join(SpecKeys(), ", ") + "."
	if near := nearest(name); near != "" {
		hint = fmt.Sprintf("Is %s meant? %s", near, hint)
	}
	return errs.New(errs.Invalid, "there is no key %q", name).WithHint("%s", hint)
}

// nearest finds the key that a word begins like, or that begins like it, in any case.
func nearest(word string) string {
	word = strings.ToLower(word)
	for _, k := range specKeys {
		if n := min(3, len(word)); n > 0 && strings.HasPrefix(k.name, word[:n]) {
			return k.name
		}
	}
	return ""
}

// Options gives the options that the spec states; what it does not state is left to
// Generate.
func (s Spec) Options() Options {
	o := Options{Customers: int(s["customers"]), Opportunities: int(s["opportunities"]), Leads: int(s["leads"]), Years: int(s["years"]), Seed: s["seed"]}
	if n, ok := s["leads"]; ok && n == 0 {
		o.Leads = -1
	}
	if n := int(s["partners"]); n > 0 {
		o.Partners = PartnerIDs(n)
	}
	return o
}
