package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// describeGlobal lists the org's objects.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_describeGlobal.htm
func (o *Org) describeGlobal(c *call) error {
	if o.isDescribedBefore(c) {
		return nil
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": o.objectList(c)})
	return nil
}

// objectList is what the org says of its objects, in the order of their names.
func (o *Org) objectList(c *call) []map[string]any {
	list := make([]map[string]any, 0, len(o.Schema.Objects))
	for _, obj := range o.visibleObjects(c.r.Context()) {
		list = append(list, o.objectInfo(c, obj))
	}
	slices.SortFunc(list, func(a, b map[string]any) int {
		return strings.Compare(a["name"].(string), b["name"].(string))
	})
	return list
}

// basicInfo answers sobjects/X.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_basic_info_get.htm
func (o *Org) basicInfo(c *call) error {
	obj, err := o.object(c)
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"objectDescribe": o.objectInfo(c, obj), "recentItems": o.recentItems(c, obj.Name, maxRecent)})
	return nil
}

// describe answers sobjects/X/describe.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
func (o *Org) describe(c *call) error {
	obj, err := o.object(c)
	if err != nil {
		return err
	}
	if o.isDescribedBefore(c) {
		return nil
	}
	writeJSON(c.w, http.StatusOK, o.describeObject(c, obj))
	return nil
}

// isDescribedBefore answers a client that asks only for what has changed since.
// Where a fault hides something, it has always.
func (o *Org) isDescribedBefore(c *call) bool {
	if decisionOf(c.r.Context()).Hides() {
		return false
	}
	status := conditional(c, o.described.Load())
	if status != 0 {
		c.w.WriteHeader(status)
	}
	return status != 0
}

// describeObject is all that the org says of an object.
func (o *Org) describeObject(c *call, obj *schema.Object) map[string]any {
	out := o.objectInfo(c, obj)
	urls, _ := out["urls"].(map[string]string)
	base := urls["sobject"]
	if !obj.ReadOnly {
		urls["uiDetailTemplate"] = o.instanceURL(c.r) + "/{ID}"
		urls["uiEditTemplate"] = o.instanceURL(c.r) + "/{ID}/e"
		urls["uiNewRecord"] = o.instanceURL(c.r) + "/" + obj.Prefix + "/e"
	}
	fields := make([]map[string]any, 0, len(obj.Fields))
	for _, f := range obj.Fields {
		fields = append(fields, describeField(f, obj))
	}
	out["fields"] = fields
	out["childRelationships"] = childRelationships(o.visibleObjects(c.r.Context()), obj)
	out["recordTypeInfos"] = []map[string]any{{"active": true, "available": true, "defaultRecordTypeMapping": true, "developerName": "Master",
		"master": true, "name": "Master", "recordTypeId": "012000000000000AAA", "urls": map[string]string{"layout": base + "/describe/layouts/012000000000000AAA"}}}
	plural := strings.ToLower(fmt.Sprint(out["labelPlural"]))
	out["supportedScopes"] = []map[string]string{{"label": "All " + plural, "name": "everything"}, {"label": "My " + plural, "name": "mine"}}
	for _, name := range []string{"actionOverrides", "namedLayoutInfos"} {
		out[name] = []any{}
	}
	for _, name := range []string{"defaultImplementation", "extendedBy", "extendsInterfaces", "implementedBy", "implementsInterfaces",
		"listviewable", "lookupLayoutable", "networkScopeFieldName"} {
		out[name] = nil
	}
	out["compactLayoutable"], out["searchLayoutable"] = !obj.ReadOnly, !obj.ReadOnly
	out["sobjectDescribeOption"] = "FULL"
	return out
}

func (o *Org) objectInfo(c *call, obj *schema.Object) map[string]any {
	url := c.base() + "sobjects/" + obj.Name
	writable := !obj.ReadOnly
	_, mergeable := obj.Field("MasterRecordId")
	var parent any
	var link any
	if obj.HistoryOf != "" {
		parent, link = obj.HistoryOf, "History"
	}
	return map[string]any{
		"name": obj.Name, "label": obj.Label, "labelPlural": obj.Plural, "keyPrefix": obj.Prefix, "custom": obj.Custom,
		"createable": writable, "updateable": writable, "deletable": writable && obj.Name != "User", "undeletable": writable && obj.Name != "User",
		"queryable": true, "retrieveable": true, "replicateable": true, "searchable": writable, "triggerable": writable,
		"mergeable": mergeable, "activateable": false, "layoutable": writable, "feedEnabled": false, "mruEnabled": writable,
		"customSetting": false, "deprecatedAndHidden": false, "hasSubtypes": false, "isSubtype": false, "isInterface": false,
		"deepCloneable": false, "associateEntityType": link, "associateParentEntity": parent,
		"urls": map[string]string{"sobject": url, "describe": url + "/describe", "rowTemplate": url + "/{ID}"},
	}
}

// soapType is the type that SOAP clients see.
func soapType(f *schema.Field) string {
	switch f.Type {
	case schema.TypeID, schema.TypeReference:
		return "tns:ID"
	case schema.TypeBoolean:
		return "xsd:boolean"
	case schema.TypeDouble, schema.TypeCurrency, schema.TypePercent:
		return "xsd:double"
	case schema.TypeInt:
		return "xsd:int"
	case schema.TypeDate:
		return "xsd:date"
	case schema.TypeDateTime:
		return "xsd:dateTime"
	case schema.TypeTime:
		return "xsd:time"
	case schema.TypeAny:
		return "xsd:anyType"
	}
	return "xsd:string"
}

func describeField(f *schema.Field, obj *schema.Object) map[string]any {
	writable := !f.ReadOnly && !f.IsAudit && !obj.ReadOnly
	precision, digits, length := 0, 0, f.Length
	if f.Type == schema.TypeInt {
		digits = f.Precision
	} else {
		precision = f.Precision
	}
	if f.AutoFormat != "" { // an auto number is declared without a length
		length = 30
		if f.NameField {
			length = 80
		}
	}
	bytes := length
	if f.Type != schema.TypeID && f.Type != schema.TypeReference {
		bytes = length * 3
	}
	defaulted := f.Default != "" || f.AutoFormat != "" || f.IsAudit || f.Name == "OwnerId" || f.NameField && obj.Custom && !f.Required
	out := map[string]any{
		"name": f.Name, "label": f.Label, "type": string(f.Type), "soapType": soapType(f),
		"length": length, "byteLength": bytes, "precision": precision, "scale": f.Scale, "digits": digits,
		"custom": f.Custom, "nameField": f.NameField, "autoNumber": f.AutoFormat != "", "calculated": f.Formula != "",
		"createable": writable, "updateable": writable && (!f.IsMaster || f.Reparentable), "nillable": !f.Required && !f.IsAudit && f.Type != schema.TypeBoolean && !defaulted,
		"defaultedOnCreate": defaulted, "unique": f.Unique, "externalId": f.ExternalID, "idLookup": f.IDLookup,
		"caseSensitive": f.CaseSensitive, "restrictedPicklist": f.Restricted, "filterable": f.IsFilterable(),
		"sortable": f.IsSortable(), "groupable": f.IsGroupable(), "aggregatable": f.IsAggregatable(),
		"permissionable":      f.Custom && !f.Required,
		"deprecatedAndHidden": false, "htmlFormatted": f.IsHTML, "encrypted": false, "dependentPicklist": false,
		"cascadeDelete": f.OnDelete == schema.DeleteCascades, "restrictedDelete": f.OnDelete == schema.DeleteRefused,
		"polymorphicForeignKey": len(f.Targets()) > 1, "namePointing": len(f.Targets()) > 1,
		"relationshipName": nil, "relationshipOrder": nil, "referenceTo": []string{}, "referenceTargetField": nil,
		"defaultValue": nil, "defaultValueFormula": nil, "inlineHelpText": nil, "calculatedFormula": nil,
		"controllerName": nil, "mask": nil, "maskType": nil, "extraTypeInfo": nil, "compoundFieldName": nil,
		"picklistValues":    picklistValues(f),
		"aiPredictionField": false, "displayLocationInDecimal": false, "filteredLookupInfo": nil, "formulaTreatNullNumberAsZero": false,
		"highScaleNumber": false, "queryByDistance": false, "searchPrefilterable": f.RefTo != "", "writeRequiresMasterRead": false,
	}
	describeKind(f, out)
	return out
}

// describeKind adds what only fields of some kinds have.
func describeKind(f *schema.Field, out map[string]any) {
	if f.RefTo != "" {
		out["referenceTo"] = f.Targets()
		out["relationshipName"] = f.Relationship
	}
	if f.IsMaster {
		out["relationshipOrder"], out["writeRequiresMasterRead"] = f.Order, false
	}
	if f.Type == schema.TypeTextArea {
		out["extraTypeInfo"] = "plaintextarea"
		if f.IsHTML {
			out["extraTypeInfo"] = "richtextarea"
		}
	}
	for name, text := range map[string]string{"inlineHelpText": f.Help, "calculatedFormula": f.Formula, "defaultValueFormula": f.DefaultFormula} {
		if text != "" {
			out[name] = text
		}
	}
	if f.Type == schema.TypeBoolean && f.Slot >= 0 {
		out["defaultValue"] = f.Default == "true"
	}
}

func picklistValues(f *schema.Field) []map[string]any {
	out := []map[string]any{}
	switch f.Type {
	case schema.TypePicklist, schema.TypeMultipicklist, schema.TypeCombobox:
	default:
		return out
	}
	for _, v := range f.Values {
		label := v
		if other, ok := f.Labels[v]; ok {
			label = other
		}
		out = append(out, map[string]any{"value": v, "label": label, "active": true, "defaultValue": v == f.Default, "validFor": nil})
	}
	return out
}

func childRelationships(objects []*schema.Object, parent *schema.Object) []map[string]any {
	out := []map[string]any{}
	for _, rel := range childrenAmong(objects, parent) {
		out = append(out, map[string]any{"childSObject": rel.object.Name, "field": rel.field.Name, "relationshipName": nullable(rel.name),
			"cascadeDelete": rel.field.OnDelete == schema.DeleteCascades, "restrictedDelete": rel.field.OnDelete == schema.DeleteRefused, "deprecatedAndHidden": false,
			"junctionIdListNames": []any{}, "junctionReferenceTo": []any{}})
	}
	return out
}
