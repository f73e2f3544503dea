package emulator

import (
	_ "embed"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

//go:embed tooling.yaml
var toolingYAML []byte

// toolingDeclaration declares the objects that only the Tooling API has.
var toolingDeclaration = sync.OnceValues(func() (schema.Declaration, error) {
	var d schema.Declaration
	if err := yaml.UnmarshalWithOptions(toolingYAML, &d, yaml.Strict()); err != nil {
		return d, fmt.Errorf("read the Tooling API's objects: %w", err)
	}
	return d, nil
})

// tooling is what the Tooling API's queries read: records about one catalog.
type tooling struct {
	of    *metadata.Catalog
	store *store.Store
}

// toolingStore gives the records about the org's customization as it is now. They
// are made at the first query after a change.
func (o *Org) toolingStore() (*store.Store, error) {
	c := &o.customization
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tooling.of == c.catalog {
		return c.tooling.store, nil
	}
	d, err := toolingDeclaration()
	if err != nil {
		return nil, err
	}
	sc, err := schema.Build(d, schema.Options{Currencies: o.opt.Currencies})
	if err != nil {
		return nil, err
	}
	s := store.New(sc, o.opt.Clock)
	b := toolingBuilder{org: o, store: s}
	b.entities()
	for typeName, add := range map[string]func(metadata.Properties) map[string]any{
		"CustomObject": b.customObject, "CustomField": b.customField, "ApexClass": b.apex, "ApexTrigger": b.apex,
	} {
		list, err := c.catalog.List(typeName)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			if fields := add(p); fields != nil && p.ID != "" {
				fields["Id"], fields["CreatedDate"], fields["LastModifiedDate"] = p.ID, p.Created, p.Modified
				b.insert(typeName, fields)
			}
		}
	}
	if b.err == nil {
		c.tooling = tooling{of: c.catalog, store: s}
	}
	return s, b.err
}

// toolingBuilder fills a store. c.mu is held.
type toolingBuilder struct {
	org   *Org
	store *store.Store
	err   error
}

func (b *toolingBuilder) insert(object string, fields map[string]any) string {
	id, err := b.store.InsertUnchecked(object, fields)
	if err != nil && b.err == nil {
		b.err = err
	}
	return id
}

// entities adds the definitions of the org's objects and fields.
func (b *toolingBuilder) entities() {
	for _, obj := range b.org.Schema.Objects {
		entity := b.insert("EntityDefinition", map[string]any{"DurableId": obj.Name, "QualifiedApiName": obj.Name, "DeveloperName": developerName(obj.Name),
			"Label": obj.Label, "MasterLabel": obj.Label, "PluralLabel": obj.Plural, "KeyPrefix": obj.Prefix, "NamespacePrefix": namespaceOf(obj.Name),
			"IsCustomizable": !obj.ReadOnly, "IsQueryable": true, "IsRetrieveable": true})
		for _, f := range obj.Fields {
			b.insert("FieldDefinition", map[string]any{"DurableId": obj.Name + "." + f.Name, "EntityDefinitionId": entity, "QualifiedApiName": f.Name,
				"DeveloperName": developerName(f.Name), "Label": f.Label, "MasterLabel": f.Label, "NamespacePrefix": namespaceOf(f.Name),
				"DataType": dataType(f), "Length": f.Length, "Precision": f.Precision, "Scale": f.Scale, "IsCalculated": f.Formula != "",
				"IsIndexed": f.Unique || f.IDLookup || f.RefTo != "", "IsNillable": !f.Required && !f.IsAudit, "IsNameField": f.NameField})
		}
	}
}

func (b *toolingBuilder) customObject(p metadata.Properties) map[string]any {
	if !strings.HasSuffix(p.FullName, "__c") {
		return nil
	}
	e, _ := b.org.customization.catalog.Read("CustomObject", p.FullName)
	return map[string]any{"DeveloperName": developerName(p.FullName), "NamespacePrefix": p.Namespace, "ManageableState": "unmanaged",
		"Description": e.Value("description")}
}

func (b *toolingBuilder) customField(p metadata.Properties) map[string]any {
	object, name, _ := strings.Cut(p.FullName, ".")
	if !strings.HasSuffix(name, "__c") {
		return nil
	}
	table := object
	if list, err := b.org.customization.catalog.List("CustomObject"); err == nil {
		if i := slices.IndexFunc(list, func(o metadata.Properties) bool { return o.FullName == object && o.ID != "" }); i >= 0 {
			table = list[i].ID // of a custom object its id, of a standard one its name
		}
	}
	e, _ := b.org.customization.catalog.Read("CustomField", p.FullName)
	return map[string]any{"DeveloperName": developerName(name), "TableEnumOrId": table, "NamespacePrefix": p.Namespace,
		"ManageableState": "unmanaged", "Description": e.Value("description"), "InlineHelpText": e.Value("inlineHelpText")}
}

func (b *toolingBuilder) apex(p metadata.Properties) map[string]any {
	body, meta := b.org.customization.catalog.Content(p.Type, p.FullName)
	return map[string]any{"Name": p.FullName, "Status": "Active", "Body": string(body), "ApiVersion": meta.Value("apiVersion")}
}

// developerName is an API name without namespace and suffix.
func developerName(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "__c"), "__History")
	if _, rest, ok := strings.Cut(name, "__"); ok {
		return rest
	}
	return name
}

func namespaceOf(name string) any {
	if namespace, rest, ok := strings.Cut(name, "__"); ok && strings.Contains(rest, "__") {
		return namespace
	}
	return nil
}

// dataType is a field's type as Setup words it.
func dataType(f *schema.Field) string {
	switch f.Type {
	case schema.TypeID, schema.TypeReference:
		if len(f.Targets()) > 0 {
			kind := "Lookup"
			if f.IsMaster {
				kind = "Master-Detail"
			}
			return kind + "(" + strings.Join(f.Targets(), ",") + ")"
		}
		return "Id"
	case schema.TypeString:
		if f.AutoFormat != "" {
			return "Auto Number"
		}
		return fmt.Sprintf("Text(%d)", f.Length)
	case schema.TypeTextArea:
		if f.IsFilterable() {
			return fmt.Sprintf("Text Area(%d)", f.Length)
		}
		return fmt.Sprintf("Long Text Area(%d)", f.Length)
	case schema.TypeDouble, schema.TypeCurrency, schema.TypePercent, schema.TypeInt:
		word := map[schema.Type]string{schema.TypeCurrency: "Currency", schema.TypePercent: "Percent"}[f.Type]
		if word == "" {
			word = "Number"
		}
		return fmt.Sprintf("%s(%d, %d)", word, f.Precision-f.Scale, f.Scale)
	}
	words := map[schema.Type]string{schema.TypeBoolean: "Checkbox", schema.TypeDate: "Date", schema.TypeDateTime: "Date/Time",
		schema.TypeTime: "Time", schema.TypeEmail: "Email", schema.TypePhone: "Phone", schema.TypeURL: "URL", schema.TypePicklist: "Picklist",
		schema.TypeMultipicklist: "Picklist (Multi-Select)"}
	return words[f.Type]
}

// toolingQuery answers tooling/query: about what the org consists of, and about the
// org's own objects.
// https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/intro_rest_resources.htm
func (o *Org) toolingQuery(c *call) error {
	s, err := o.toolingStore()
	if err != nil {
		return err
	}
	c.below = "tooling/"
	if q, perr := soql.Parse(c.r.URL.Query().Get("q")); perr == nil {
		if _, own := s.Schema.Object(q.From.Text); !own {
			return o.firstPage(c, false)
		}
	}
	return o.firstPageOf(c, s, false)
}

// toolingObjects answers tooling/sobjects.
func (o *Org) toolingObjects(c *call) error {
	s, err := o.toolingStore()
	if err != nil {
		return err
	}
	c.below = "tooling/"
	list := []map[string]any{}
	for _, obj := range s.Schema.Objects {
		list = append(list, o.objectInfo(c, obj))
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": list})
	return nil
}

// toolingDescribe answers tooling/sobjects/X/describe.
func (o *Org) toolingDescribe(c *call) error {
	s, err := o.toolingStore()
	if err != nil {
		return err
	}
	obj, ok := s.Schema.Object(c.arg("object"))
	if !ok {
		return errNoResource
	}
	c.below = "tooling/"
	writeJSON(c.w, http.StatusOK, o.describeObject(c, obj))
	return nil
}
