package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// describeGlobal lists the org's objects.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_describeGlobal.htm
func (o *Org) describeGlobal(c *call) error {
	list := make([]map[string]any, 0, len(o.schema.objects))
	for _, obj := range o.schema.objects {
		list = append(list, o.objectInfo(c, obj))
	}
	slices.SortFunc(list, func(a, b map[string]any) int {
		return strings.Compare(a["name"].(string), b["name"].(string))
	})
	writeJSON(c.w, http.StatusOK, map[string]any{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": list})
	return nil
}

// basicInfo answers sobjects/X.
func (o *Org) basicInfo(c *call, name string) error {
	obj, ok := o.schema.object(name)
	if !ok {
		return errNoResource
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"objectDescribe": o.objectInfo(c, obj), "recentItems": []any{}})
	return nil
}

// describe answers sobjects/X/describe.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
func (o *Org) describe(c *call, name string) error {
	obj, ok := o.schema.object(name)
	if !ok {
		return errNoResource
	}
	out := o.objectInfo(c, obj)
	fields := make([]map[string]any, 0, len(obj.fields))
	for _, f := range obj.fields {
		fields = append(fields, describeField(f, obj))
	}
	out["fields"] = fields
	out["childRelationships"] = o.childRelationships(obj)
	out["recordTypeInfos"] = []any{}
	out["supportedScopes"] = []any{}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

func (o *Org) objectInfo(c *call, obj *object) map[string]any {
	url := c.base() + "sobjects/" + obj.name
	writable := !obj.readOnly
	_, mergeable := obj.field("MasterRecordId")
	plural := obj.label + "s"
	if strings.HasSuffix(obj.label, "y") {
		plural = strings.TrimSuffix(obj.label, "y") + "ies"
	}
	return map[string]any{
		"name": obj.name, "label": obj.label, "labelPlural": plural, "keyPrefix": obj.prefix, "custom": obj.custom,
		"createable": writable, "updateable": writable, "deletable": writable, "undeletable": writable,
		"queryable": true, "retrieveable": true, "replicateable": true, "searchable": writable, "triggerable": writable,
		"mergeable": mergeable, "activateable": false, "layoutable": writable, "feedEnabled": false, "mruEnabled": writable,
		"customSetting": false, "deprecatedAndHidden": false, "hasSubtypes": false, "isSubtype": false, "isInterface": false,
		"urls": map[string]string{"sobject": url, "describe": url + "/describe", "rowTemplate": url + "/{ID}"},
	}
}

// soapType is the type that SOAP clients see.
func soapType(f *field) string {
	switch f.typ {
	case typeID, typeReference:
		return "tns:ID"
	case typeBoolean:
		return "xsd:boolean"
	case typeDouble, typeCurrency, typePercent:
		return "xsd:double"
	case typeInt:
		return "xsd:int"
	case typeDate:
		return "xsd:date"
	case typeDateTime:
		return "xsd:dateTime"
	case typeAny:
		return "xsd:anyType"
	}
	return "xsd:string"
}

func describeField(f *field, obj *object) map[string]any {
	writable := !f.readOnly && !f.isAudit && !obj.readOnly
	precision, digits, length := 0, 0, f.length
	if f.typ == typeInt {
		digits = f.precision
	} else {
		precision = f.precision
	}
	bytes := length
	if f.typ != typeID && f.typ != typeReference {
		bytes = length * 3
	}
	defaulted := f.defaultValue != "" || f.autoFormat != "" || f.isAudit || f.name == "OwnerId" || f.nameField && obj.custom && !f.required
	out := map[string]any{
		"name": f.name, "label": f.label, "type": string(f.typ), "soapType": soapType(f),
		"length": length, "byteLength": bytes, "precision": precision, "scale": f.scale, "digits": digits,
		"custom": f.custom, "nameField": f.nameField, "autoNumber": f.autoFormat != "", "calculated": false,
		"createable": writable, "updateable": writable, "nillable": !f.required && !f.isAudit && f.typ != typeBoolean && !defaulted,
		"defaultedOnCreate": defaulted, "unique": f.unique, "externalId": f.externalID, "idLookup": f.idLookup,
		"caseSensitive": f.caseSensitive, "restrictedPicklist": f.restricted, "filterable": f.isFilterable(),
		"sortable": f.isFilterable(), "groupable": f.isFilterable() && !f.typ.isNumber() && f.typ != typeDateTime,
		"aggregatable": f.isFilterable() && f.typ != typeBoolean, "permissionable": f.custom && !f.required,
		"deprecatedAndHidden": false, "htmlFormatted": false, "encrypted": false, "dependentPicklist": false,
		"cascadeDelete": false, "restrictedDelete": false, "polymorphicForeignKey": false, "namePointing": false,
		"relationshipName": nil, "relationshipOrder": nil, "referenceTo": []string{}, "referenceTargetField": nil,
		"defaultValue": nil, "defaultValueFormula": nil, "inlineHelpText": nil, "calculatedFormula": nil,
		"controllerName": nil, "mask": nil, "maskType": nil, "extraTypeInfo": nil, "compoundFieldName": nil,
		"picklistValues": picklistValues(f),
	}
	if f.refTo != "" {
		out["referenceTo"] = []string{f.refTo}
		out["relationshipName"] = f.relationship
	}
	if f.typ == typeTextArea {
		out["extraTypeInfo"] = "plaintextarea"
	}
	if f.typ == typeBoolean && f.slot >= 0 {
		out["defaultValue"] = f.defaultValue == "true"
	}
	return out
}

func picklistValues(f *field) []map[string]any {
	out := []map[string]any{}
	if f.typ != typePicklist {
		return out
	}
	for _, v := range f.values {
		out = append(out, map[string]any{"value": v, "label": v, "active": true, "defaultValue": v == f.defaultValue, "validFor": nil})
	}
	return out
}

func (o *Org) childRelationships(parent *object) []map[string]any {
	out := []map[string]any{}
	for _, child := range o.schema.objects {
		for _, f := range child.fields {
			if f.refTo != parent.name {
				continue
			}
			var name any
			switch {
			case f.children != "":
				name = f.children
			case f.custom:
				name = strings.TrimSuffix(child.name, "__c") + "s__r"
			}
			out = append(out, map[string]any{"childSObject": child.name, "field": f.name, "relationshipName": name,
				"cascadeDelete": false, "restrictedDelete": false, "deprecatedAndHidden": false,
				"junctionIdListNames": []any{}, "junctionReferenceTo": []any{}})
		}
	}
	return out
}
