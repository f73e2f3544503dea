package metadata

import (
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// wholeObject is an object's element with everything that the org knows of it:
// what was deployed, and for an object that the org has by itself, the fields that
// it has without that.
func (c *Catalog) wholeObject(o *object) *Element {
	e := o.root(true)
	if o.isCustom() {
		return e
	}
	if strings.HasSuffix(o.name, "__c") {
		for _, own := range describeOwn(o.base) {
			if e.Child(own.Name) == nil {
				e.Children = append(e.Children, own)
			}
		}
	}
	for _, d := range o.base.Fields {
		if o.part("fields", d.Name) != nil || d.NameField && strings.HasSuffix(o.name, "__c") {
			continue
		}
		f := &Element{Name: "fields", Children: []*Element{NewElement("fullName", d.Name)}}
		if strings.HasSuffix(d.Name, "__c") {
			f = fieldElement(d)
		} else if o.base.History != "" {
			f.Children = append(f.Children, NewElement("trackHistory", strconv.FormatBool(d.Tracked)))
		}
		e.Children = append(e.Children, f)
	}
	return e
}

// describeOwn writes what a declaration says of a custom object itself.
func describeOwn(d *schema.ObjectDeclaration) []*Element {
	out := []*Element{
		NewElement("deploymentStatus", "Deployed"), NewElement("enableHistory", strconv.FormatBool(d.History != "")),
		NewElement("label", d.Label), NewElement("pluralLabel", d.Label+"s"), NewElement("sharingModel", "ReadWrite"),
	}
	if d.Plural != "" {
		out[3].Text = d.Plural
	}
	for _, f := range d.Fields {
		if !f.NameField {
			continue
		}
		name := &Element{Name: "nameField", Children: []*Element{NewElement("label", d.Label+" Name"), NewElement("type", string(Text))}}
		if f.Type == "auto" {
			name.Children[1].Text = string(AutoNumber)
			name.Children = append(name.Children, NewElement("displayFormat", displayFormat(f.Format)))
		}
		out = append(out, name)
	}
	return out
}

// displayFormat turns the format of a counter back into metadata: L-%05d is
// L-{00000}.
func displayFormat(format string) string {
	before, rest, ok := strings.Cut(format, "%0")
	digits, after, found := strings.Cut(rest, "d")
	n, err := strconv.Atoi(digits)
	if !ok || !found || err != nil || n < 1 || n > 10 {
		return format
	}
	return strings.ReplaceAll(before, "%%", "%") + "{" + strings.Repeat("0", n) + "}" + strings.ReplaceAll(after, "%%", "%")
}

// fieldElement writes the declaration of a custom field as metadata.
func fieldElement(d schema.FieldDeclaration) *Element {
	typ := Text
	for t, word := range typeWords {
		if word == d.Type {
			typ = t
		}
	}
	e := &Element{Name: "fields"}
	add := func(name, text string) { e.Children = append(e.Children, NewElement(name, text)) }
	add("fullName", d.Name)
	if add("label", d.Label); d.Label == "" {
		e.Children[1].Text = strings.ReplaceAll(strings.TrimSuffix(d.Name, "__c"), "_", " ")
	}
	add("type", string(typ))
	add("externalId", strconv.FormatBool(d.ExternalID))
	switch typ {
	case Text, LongTextArea, HTML:
		add("length", strconv.Itoa(d.Length))
	case Number, Currency, Percent:
		add("precision", strconv.Itoa(d.Precision))
		add("scale", strconv.Itoa(d.Scale))
	case Checkbox:
		add("defaultValue", strconv.FormatBool(d.Default == "true"))
	case Lookup, MasterDetail:
		add("referenceTo", d.To)
		if d.Children != "" {
			add("relationshipName", strings.TrimSuffix(d.Children, "__r"))
		}
	case Picklist, MultiPicklist:
		e.Children = append(e.Children, valueSet(d))
	}
	if typ == LongTextArea || typ == HTML || typ == MultiPicklist {
		add("visibleLines", "3")
	}
	if d.Unique {
		add("unique", "true")
		add("caseSensitive", strconv.FormatBool(d.CaseSensitive))
	}
	if d.Required {
		add("required", "true")
	}
	return e
}

func valueSet(d schema.FieldDeclaration) *Element {
	definition := &Element{Name: "valueSetDefinition", Children: []*Element{NewElement("sorted", "false")}}
	for _, v := range d.Values {
		definition.Children = append(definition.Children, &Element{Name: "value", Children: []*Element{
			NewElement("fullName", v), NewElement("default", strconv.FormatBool(v == d.Default)), NewElement("label", v)}})
	}
	return &Element{Name: "valueSet", Children: []*Element{NewElement("restricted", strconv.FormatBool(d.Restricted)), definition}}
}
