package mapping

import (
	"slices"
	"strings"
)

// Target is a kind of record that is written to Salesforce.
type Target string

// The targets, in the order in which they are pushed.
const (
	PartnerTarget    Target = "partner"
	StatementTarget  Target = "statement"
	CommissionTarget Target = "commission"
)

// Targets lists the targets in the order in which they are pushed: what is
// looked up comes before what looks it up.
func Targets() []Target { return []Target{PartnerTarget, StatementTarget, CommissionTarget} }

// TargetObject says where the records of a target are written.
type TargetObject struct {
	// Object is the API name of the Salesforce object.
	Object string
	// Key is the API name of the external id by which records are upserted.
	Key string
	// Fields are in the order of Target.Fields, without those left out. Each
	// has one path.
	Fields []Field
}

// Targets' fields. A field that the mapping leaves out is not written.
var targets = map[Target][]FieldDef{
	PartnerTarget: {
		{"name", TextType, false}, {"kind", TextType, false}, {"tier", TextType, false},
		{"joined_on", DateType, false}, {"status", TextType, false},
	},
	StatementTarget: {
		{"partner", TextType, false}, {"period", TextType, false}, {"currency", CurrencyType, false},
		{"record_currency", CurrencyType, false}, {"opening", DecimalType, false}, {"accrued", DecimalType, false},
		{"adjusted", DecimalType, false}, {"paid", DecimalType, false}, {"closing", DecimalType, true}, {"status", TextType, false},
	},
	CommissionTarget: {
		{"partner", TextType, false}, {"partner_id", TextType, false}, {"opportunity_id", IDType, false},
		{"space_id", IDType, false}, {"account_id", IDType, false}, {"regime", TextType, false},
		{"slice", TextType, false}, {"period", TextType, false}, {"base", DecimalType, false},
		{"rate", DecimalType, false}, {"amount", DecimalType, true}, {"currency", CurrencyType, false},
		{"record_currency", CurrencyType, false}, {"status", TextType, true}, {"reason", TextType, false},
		{"explanation", TextType, false}, {"statement", TextType, false}, {"computed_at", TimeType, false},
	},
}

// Fields lists what can be written of a target; nil for an unknown target.
func (t Target) Fields() []FieldDef { return slices.Clone(targets[t]) }

// Target gives the mapping of a target. Every mapping has all targets.
func (m *Mapping) Target(t Target) TargetObject {
	if o := m.targets[t]; o != nil {
		return *o
	}
	return TargetObject{}
}

// Signature names where records are written, so that another target can be told
// from it.
func (o TargetObject) Signature() string {
	out := []string{o.Object, o.Key}
	for _, f := range o.Fields {
		out = append(out, f.Name+"="+strings.Join(f.Paths, "|"))
	}
	return strings.Join(out, " ")
}

// Path gives the path that a field of the target is written to, and whether
// the mapping has one.
func (o TargetObject) Path(name string) (string, bool) {
	i := slices.IndexFunc(o.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return "", false
	}
	return o.Fields[i].Paths[0], true
}
