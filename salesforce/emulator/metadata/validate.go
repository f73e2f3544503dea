package metadata

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// fieldElements are the elements of a CustomField in version 62.
var fieldElements = words(`businessOwnerGroup businessOwnerUser businessStatus caseSensitive complianceGroup
	customDataType defaultValue deleteConstraint deprecated description displayFormat displayLocationInDecimal
	encryptionScheme escapeMarkup externalDeveloperName externalId fieldManageability formula formulaTreatBlanksAs fullName
	inlineHelpText isAIPredictionField isConvertLeadDisabled isFilteringDisabled isNameField isSortingDisabled
	label length lookupFilter maskChar maskType metadataRelationshipControllingField picklist populateExistingRows
	precision referenceTargetField referenceTo relationshipLabel relationshipName relationshipOrder
	reparentableMasterDetail reparentableMasterDetail required restrictedAdminField scale securityClassification startingNumber
	stripMarkup summarizedField summaryFilterItems summaryForeignKey summaryOperation trackFeedHistory trackHistory
	trackTrending translateData type unique valueSet visibleLines writeRequiresMasterRead`)

// objectElements are the elements of a CustomObject in version 62.
var objectElements = words(`actionOverrides allowInChatterGroups articleTypeChannelDisplay businessProcesses
	compactLayoutAssignment compactLayouts customHelp customHelpPage customSettingsType deploymentStatus deprecated
	description enableActivities enableBulkApi enableChangeDataCapture enableDataTranslation enableDivisions enableEnhancedLookup enableFeeds
	enableHistory enableLicensing enableReports enableSearch enableSharing enableStreamingApi eventType
	externalDataSource externalName externalRepository externalSharingModel fieldSets fields fullName gender
	historyRetentionPolicy household indexes label listViews nameField pluralLabel profileSearchLayouts
	publishBehavior recordTypeTrackFeedHistory recordTypeTrackHistory recordTypes searchLayouts sharingModel
	sharingReasons sharingRecalculations startsWith validationRules visibility webLinks`)

// repeatable are the elements that may stand more than once.
var repeatable = words(`actionOverrides summaryFilterItems sharingRecalculations picklistValues profileSearchLayouts`)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		out[w] = true
	}
	return out
}

// problem is what is wrong with a component, and where in its file.
type problem struct {
	text string
	at   *Element
}

// isForm says whether the file is not of the form that it should have.
func (p *problem) isForm() bool { return strings.HasPrefix(p.text, "Error parsing file") }

func wrong(at *Element, format string, args ...any) *problem {
	return &problem{fmt.Sprintf(format, args...), at}
}

// checkElements refuses elements that a type does not have, or has only once.
func checkElements(e *Element, allowed map[string]bool, typeName string) *problem {
	seen := map[string]bool{}
	for _, c := range e.Children {
		_, isPart := objectParts[c.Name]
		switch {
		case !allowed[c.Name]:
			return wrong(c, "Error parsing file: Element {%s}%s invalid at this location in type %s", Namespace, c.Name, typeName)
		case seen[c.Name] && !isPart && !repeatable[c.Name]:
			return wrong(c, "Error parsing file: Element %s is duplicated at this location in type %s", c.Name, typeName)
		}
		seen[c.Name] = true
	}
	return nil
}

// attributes are the elements that only some types of fields have.
var attributes = map[string][]FieldType{
	"length":                   {Text, LongTextArea, HTML},
	"precision":                {Number, Currency, Percent},
	"scale":                    {Number, Currency, Percent},
	"visibleLines":             {LongTextArea, HTML, MultiPicklist},
	"valueSet":                 {Picklist, MultiPicklist},
	"picklist":                 {Picklist, MultiPicklist},
	"displayFormat":            {AutoNumber},
	"startingNumber":           {AutoNumber},
	"referenceTo":              {Lookup, MasterDetail},
	"relationshipName":         {Lookup, MasterDetail},
	"relationshipLabel":        {Lookup, MasterDetail},
	"deleteConstraint":         {Lookup},
	"lookupFilter":             {Lookup, MasterDetail},
	"relationshipOrder":        {MasterDetail},
	"reparentableMasterDetail": {MasterDetail},
	"writeRequiresMasterRead":  {MasterDetail},
	"caseSensitive":            {Text, AutoNumber},
	"unique":                   {Text, Number, Email, AutoNumber},
	"externalId":               {Text, Number, Email, AutoNumber},
	"required": {Text, TextArea, Number, Currency, Percent, Date, DateTime, Time, Email, Phone, URL,
		Lookup, Picklist, AutoNumber, MultiPicklist},
}

// needed are the elements without which a field of a type is none.
var needed = map[FieldType][]string{
	Text: {"length"}, LongTextArea: {"length", "visibleLines"}, HTML: {"length", "visibleLines"},
	Number: {"precision", "scale"}, Currency: {"precision", "scale"}, Percent: {"precision", "scale"},
	Checkbox: {"defaultValue"}, MultiPicklist: {"visibleLines"},
	Lookup: {"referenceTo", "relationshipName"}, MasterDetail: {"referenceTo", "relationshipName"},
}

// knownTypes are the types that the org can keep.
var knownTypes = []FieldType{AutoNumber, Checkbox, Currency, Date, DateTime, Email, HTML, LongTextArea, Lookup, MasterDetail,
	MultiPicklist, Number, Percent, Phone, Picklist, Text, TextArea, Time, URL}

// checkField looks at a custom field by itself, without the org around it.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/customfield.htm
func checkField(object string, e *Element) *problem {
	name := e.Value("fullName")
	if !isFieldName(name) {
		return wrong(e, "The field name you provided %s on object %s can only contain alphanumeric characters, must begin with a letter, cannot end with an underscore or contain two consecutive underscore characters, and must be unique across all %s fields", name, object, object)
	}
	typ := FieldType(e.Value("type"))
	switch {
	case typ == "":
		return wrong(e, "Must specify 'type' for a CustomField")
	case otherFieldTypes[typ]:
		return wrong(e.Child("type"), "Cannot create a field of type %s in this organization", typ)
	case e.Value("label") == "":
		return wrong(e, "Required field is missing: label")
	}
	if p := checkLengths(e); p != nil {
		return p
	}
	if p := checkAttributes(e, typ); p != nil {
		return p
	}
	return checkNumbers(e, typ)
}

// checkLengths refuses texts that are longer than the platform keeps them.
func checkLengths(e *Element) *problem {
	for _, limit := range []struct {
		name, column string
		max          int
	}{
		{"label", "MasterLabel", 40}, {"pluralLabel", "PluralLabel", 40}, {"description", "Description", 1000}, {"inlineHelpText", "InlineHelpText", 510},
		{"relationshipLabel", "RelationshipLabel", 80}, {"displayFormat", "DisplayFormat", 30}, {"formula", "Formula", 3900},
	} {
		if c := e.Child(limit.name); c != nil && len(c.Text) > limit.max && len(utf16.Encode([]rune(c.Text))) > limit.max {
			return wrong(c, "Value too long for field: %s maximum length is:%d", limit.column, limit.max)
		}
	}
	return nil
}

var (
	flags   = []string{"caseSensitive", "externalId", "required", "unique", "trackHistory", "reparentableMasterDetail", "writeRequiresMasterRead"}
	numbers = []string{"length", "precision", "scale", "visibleLines", "relationshipOrder", "startingNumber"}
)

// checkForm holds a field's element against the form of a CustomField.
func checkForm(e *Element) *problem {
	if e.Value("fullName") == "" {
		return wrong(e, "Error parsing file: element fullName missing for a child of type CustomField")
	}
	if p := checkElements(e, fieldElements, "CustomField"); p != nil {
		return p
	}
	if c := e.Child("type"); c != nil && !slices.Contains(knownTypes, FieldType(c.Text)) && !otherFieldTypes[FieldType(c.Text)] {
		return wrong(c, "Error parsing file: '%s' is not a valid value for the enum 'FieldType'", c.Text)
	}
	return checkScalars(e)
}

// checkScalars refuses flags and numbers that are none.
func checkScalars(e *Element) *problem {
	for _, name := range flags {
		if c := e.Child(name); c != nil && c.Text != "true" && c.Text != "false" {
			return wrong(c, "Error parsing file: '%s' is not a valid value for the type xsd:boolean", c.Text)
		}
	}
	for _, name := range numbers {
		if c := e.Child(name); c != nil {
			if _, err := strconv.ParseInt(c.Text, 10, 32); err != nil {
				return wrong(c, "Error parsing file: '%s' is not a valid value for the type xsd:int", c.Text)
			}
		}
	}
	if c := e.Child("deleteConstraint"); c != nil && c.Text != "SetNull" && c.Text != "Restrict" && c.Text != "Cascade" {
		return wrong(c, "Error parsing file: '%s' is not a valid value for the enum 'DeleteConstraint'", c.Text)
	}
	return nil
}

// checkAttributes holds the elements against the field's type.
func checkAttributes(e *Element, typ FieldType) *problem {
	formula := e.Value("formula") != ""
	if typ == MasterDetail && e.Child("required") != nil {
		return wrong(e.Child("required"), "Master-Detail Relationship Fields Cannot be Optional or Required")
	}
	for _, c := range e.Children {
		allowed, limited := attributes[c.Name]
		if limited && c.Text != "false" && (!slices.Contains(allowed, typ) || formula && c.Name != "precision" && c.Name != "scale") {
			return wrong(c, "Can not specify '%s' for a CustomField of type %s", c.Name, typ)
		}
	}
	for _, name := range needed[typ] {
		if e.Value(name) == "" && !formula {
			return wrong(e, "Must specify '%s' for a CustomField of type %s", name, typ)
		}
	}
	if (typ == Picklist || typ == MultiPicklist) && !formula {
		return checkValues(e)
	}
	if typ == Lookup && e.Value("required") == "true" && e.Value("deleteConstraint") != "Restrict" && e.Value("deleteConstraint") != "Cascade" {
		return wrong(e, "field integrity exception: unknown (must specify either cascade delete or restrict delete for required lookup foreign key)")
	}
	if name := e.Child("relationshipName"); name != nil && !isPlainName(name.Text) {
		return wrong(name, "The Child Relationship Name you provided %s can only contain alphanumeric characters, must begin with a letter, cannot end with an underscore or contain two consecutive underscore characters, and must be unique", name.Text)
	}
	return nil
}

func checkValues(e *Element) *problem {
	set := e.Child("valueSet")
	if set == nil {
		return wrong(e, "Must specify 'valueSet' for a CustomField of type %s", e.Value("type"))
	}
	seen := map[string]bool{}
	for _, v := range set.Child("valueSetDefinition").All("value") {
		name := v.Value("fullName")
		switch {
		case name == "":
			return wrong(v, "Required field is missing: fullName")
		case seen[strings.ToLower(name)]:
			return wrong(v, "Duplicate name: %s", name)
		case len(name) > 255:
			return wrong(v, "Value too long for field: ValueName maximum length is:255")
		}
		seen[strings.ToLower(name)] = true
	}
	return nil
}

// checkNumbers holds lengths against the platform's bounds.
func checkNumbers(e *Element, typ FieldType) *problem {
	f := ReadField(e)
	within := func(name string, n, lo, hi int) *problem {
		if c := e.Child(name); c != nil && (n < lo || n > hi) {
			return wrong(c, "%s: Value %d is not between %d and %d for a CustomField of type %s", name, n, lo, hi, typ)
		}
		return nil
	}
	var p *problem
	switch typ {
	case Text:
		p = within("length", f.Length, 1, 255)
	case LongTextArea, HTML:
		p = within("length", f.Length, 256, 131_072)
	case Number, Currency, Percent:
		if p = within("precision", f.Precision, 1, 18); p == nil {
			p = within("scale", f.Scale, 0, f.Precision)
		}
	case AutoNumber:
		if _, digits, _ := CounterFormat(f.DisplayFormat); f.DisplayFormat != "" && digits == 0 {
			p = wrong(e.Child("displayFormat"), "Display Format: Must contain exactly one {0} with 1 to 10 digits")
		}
	}
	return p
}

// checkObject looks at a custom object that the org does not have yet.
func checkObject(name string, e *Element) *problem {
	o := ReadObject(e)
	nf := e.Child("nameField")
	switch {
	case !isObjectName(name):
		return wrong(e, "The object name you provided %s can only contain alphanumeric characters, must begin with a letter, cannot end with an underscore or contain two consecutive underscore characters, and must be unique", name)
	case o.Label == "":
		return wrong(e, "Must specify a non-empty label for the CustomObject")
	case o.Plural == "":
		return wrong(e, "Must specify a non-empty pluralLabel for the CustomObject")
	case nf == nil || o.NameField.Type != Text && o.NameField.Type != AutoNumber:
		return wrong(e, "Must specify a nameField of type Text or AutoNumber")
	case e.Value("deploymentStatus") == "":
		return wrong(e, "Must specify 'deploymentStatus' for a CustomObject")
	case e.Value("sharingModel") == "":
		return wrong(e, "Must specify 'sharingModel' for a CustomObject")
	}
	if o.NameField.Type == AutoNumber {
		if _, digits, _ := CounterFormat(o.NameField.DisplayFormat); digits == 0 {
			return wrong(nf, "Must specify 'displayFormat' for a CustomField of type AutoNumber")
		}
	}
	return nil
}

// checkOwn looks at what a file says of an object itself.
func checkOwn(e *Element) *problem {
	if p := checkElements(e, objectElements, "CustomObject"); p != nil {
		return p
	}
	for _, enum := range []struct{ name, typeName, values string }{
		{"deploymentStatus", "DeploymentStatus", "Deployed InDevelopment"},
		{"sharingModel", "SharingModel", "Private Read ReadWrite ReadWriteTransfer FullAccess ControlledByParent ControlledByCampaign ControlledByLeadOrContact"},
	} {
		if c := e.Child(enum.name); c != nil && !slices.Contains(strings.Fields(enum.values), c.Text) {
			return wrong(c, "Error parsing file: '%s' is not a valid value for the enum '%s'", c.Text, enum.typeName)
		}
	}
	return checkLengths(e)
}

var namePattern = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9]|_[A-Za-z0-9])*$`)

// isPlainName says whether a name is one that an admin may give.
func isPlainName(s string) bool { return len(s) <= 40 && namePattern.MatchString(s) }

// isFieldName says whether a name is that of a custom field, maybe of a managed
// package.
func isFieldName(s string) bool {
	base, ok := strings.CutSuffix(s, "__c")
	if namespace, rest, managed := strings.Cut(base, "__"); managed {
		return ok && len(namespace) <= 15 && isPlainName(namespace) && isPlainName(rest)
	}
	return ok && isPlainName(base)
}

func isObjectName(s string) bool { return isFieldName(s) }
