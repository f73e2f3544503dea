package metadata

import (
	"cmp"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// typeWords are the words of a schema declaration for the types of fields.
var typeWords = map[FieldType]string{
	AutoNumber: "auto", Checkbox: "checkbox", Currency: "currency", Date: "date", DateTime: "datetime", Email: "email",
	HTML: "html", LongTextArea: "longtext", Lookup: "lookup", MasterDetail: "masterdetail", MultiPicklist: "multipicklist",
	Number: "number", Percent: "percent", Phone: "phone", Picklist: "picklist", Text: "text", TextArea: "textarea",
	Time: "time", URL: "url",
}

// The lengths of types that don't declare theirs.
var fixedLengths = map[FieldType]int{
	Email: 80, Phone: 40, URL: 255, Picklist: 255, MultiPicklist: 4099, TextArea: 255, AutoNumber: 30,
}

// Declaration declares the org's objects: those that it has by itself with what was
// customized of them, then the custom ones in the order of their key prefixes.
func (c *Catalog) Declaration() schema.Declaration {
	out := schema.Declaration{Prefixes: c.base.Prefixes}
	for _, d := range c.base.Objects {
		o := c.object(d.Name)
		d.Fields = slices.Clone(d.Fields)
		for _, p := range o.sorted("fields") {
			f := ReadField(p.element)
			switch i := slices.IndexFunc(d.Fields, func(x schema.FieldDeclaration) bool { return strings.EqualFold(x.Name, f.Name) }); {
			case i >= 0: // of a standard field, its tracking
				d.Fields[i].Tracked = d.Fields[i].Tracked || f.TrackHistory
			default:
				d.Fields = append(d.Fields, declareField(f))
			}
		}
		out.Objects = append(out.Objects, d)
	}
	var custom []schema.ObjectDeclaration
	for _, o := range c.objects {
		if o.isCustom() {
			custom = append(custom, c.declareObject(o))
		}
	}
	slices.SortFunc(custom, func(a, b schema.ObjectDeclaration) int { return cmp.Compare(a.Prefix, b.Prefix) })
	out.Objects = append(out.Objects, custom...)
	return out
}

func (c *Catalog) declareObject(o *object) schema.ObjectDeclaration {
	own := ReadObject(o.root(false))
	d := schema.ObjectDeclaration{Name: o.name, Label: own.Label, Plural: own.Plural, Prefix: c.prefixes[o.name], Owner: true}
	if own.EnableHistory {
		d.History = strings.TrimSuffix(o.name, "__c") + "__History"
	}
	name := declareField(own.NameField)
	name.NameField = true
	if own.NameField.Type == Text {
		name.Length = 80
	}
	d.Fields = append(d.Fields, name)
	for _, p := range o.sorted("fields") {
		f := declareField(ReadField(p.element))
		d.Fields = append(d.Fields, f)
		if f.Type == "masterdetail" {
			d.Owner = false // the master's owner is its owner
		}
	}
	return d
}

func declareField(f Field) schema.FieldDeclaration {
	d := schema.FieldDeclaration{
		Name: f.Name, Label: f.Label, Type: typeWords[f.Type], Length: f.Length, Precision: f.Precision, Scale: f.Scale,
		Required: f.Required, Unique: f.Unique, ExternalID: f.ExternalID, CaseSensitive: f.CaseSensitive, Tracked: f.TrackHistory,
		Restricted: f.Restricted, Help: f.Help, Formula: f.Formula, To: f.ReferenceTo, Reparentable: f.Reparentable,
	}
	if n, fixed := fixedLengths[f.Type]; fixed {
		d.Length = n
	}
	if f.Formula != "" && f.Type == Text {
		d.Length = 1300
	}
	if f.Type == AutoNumber {
		before, digits, after := CounterFormat(f.DisplayFormat)
		if digits == 0 {
			digits = 1 // a number by itself
		}
		plain := strings.NewReplacer("%", "%%")
		d.Format = plain.Replace(before) + "%0" + strconv.Itoa(digits) + "d" + plain.Replace(after)
	}
	for _, v := range f.Values {
		if v.Inactive {
			continue
		}
		d.Values = append(d.Values, v.Name)
		if v.Label != v.Name {
			if d.Labels == nil {
				d.Labels = map[string]string{}
			}
			d.Labels[v.Name] = v.Label
		}
		if v.Default {
			d.Default = v.Name
		}
	}
	if f.Default != "" {
		literal, ok := literalOf(f.Default)
		if d.DefaultFormula = f.Default; ok {
			d.Default = literal
		}
	}
	if f.Type.IsReference() {
		d.Relationship, d.Children = strings.TrimSuffix(f.Name, "__c")+"__r", f.RelationshipName+"__r"
		d.OnDelete, d.Order = schema.DeleteRule(f.DeleteConstraint), f.RelationshipOrder
		if f.Type == MasterDetail {
			d.OnDelete, d.Required = schema.DeleteCascades, true
		}
	}
	return d
}

// literalOf gives the value of a default that needs no computing: 'a text', 5,
// TRUE.
func literalOf(formula string) (string, bool) {
	s := strings.TrimSpace(formula)
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] && strings.Count(s, s[:1]) == 2 {
		return s[1 : len(s)-1], true
	}
	if lower := strings.ToLower(s); lower == "true" || lower == "false" {
		return lower, true
	}
	_, ok := schema.ParseNumber(s)
	return s, ok
}

// Declared declares the objects of an org of which an SFDX project is the only
// customization.
func Declared(project fs.FS) (schema.Declaration, error) {
	base, err := schema.Default()
	if err != nil {
		return base, err
	}
	c, err := Customize(base, project, time.Time{})
	if err != nil {
		return base, err
	}
	return c.Declaration(), nil
}
