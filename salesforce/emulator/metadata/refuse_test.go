package metadata_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
)

// records answers what a deploy asks of records.
type records struct{ has, duplicates bool }

func (r records) HasRecords(string) bool            { return r.has }
func (r records) HasDuplicates(string, string) bool { return r.duplicates }

// TestThePlatformsWords deploys A__c with one bad thing at a time into an org that
// has this project's package.
func TestThePlatformsWords(t *testing.T) {
	lookup := func(to, name string) string {
		return "<label>L</label><referenceTo>" + to + "</referenceTo><relationshipName>" + name + "</relationshipName><type>Lookup</type>"
	}
	for name, tt := range map[string]struct{ inner, full, want string }{
		"no label":          {strings.Replace(own, "<label>Thing</label>", "", 1), "A__c", "Must specify a non-empty label for the CustomObject"},
		"no name":           {strings.Replace(own, "<type>Text</type>", "<type>Email</type>", 1), "A__c", "Must specify a nameField of type Text or AutoNumber"},
		"element":           {own + "<colour>red</colour>", "A__c", "Error parsing file: Element {http://soap.sforce.com/2006/04/metadata}colour invalid at this location in type CustomObject"},
		"twice":             {own + "<label>Again</label>", "A__c", "Error parsing file: Element label is duplicated at this location in type CustomObject"},
		"description":       {own + "<description>" + strings.Repeat("x", 1001) + "</description>", "A__c", "Value too long for field: Description maximum length is:1000"},
		"type":              {own + field("F__c", "<label>F</label><type>hat</type>"), "A__c", "Error parsing file: 'hat' is not a valid value for the enum 'FieldType'"},
		"field's element":   {own + field("F__c", textField+"<hat>1</hat>"), "A__c", "Error parsing file: Element {http://soap.sforce.com/2006/04/metadata}hat invalid at this location in type CustomField"},
		"not a number":      {own + field("F__c", "<label>F</label><length>x</length><type>Text</type>"), "A__c", "Error parsing file: 'x' is not a valid value for the type xsd:int"},
		"nameless list":     {own + "<listViews><label>All</label></listViews>", "A__c", "Error parsing file: element fullName missing for a child of type ListView"},
		"field's label":     {own + field("F__c", "<length>20</length><type>Text</type>"), "A__c.F__c", "Required field is missing: label"},
		"long label":        {own + field("F__c", "<label>"+strings.Repeat("x", 41)+"</label><length>20</length><type>Text</type>"), "A__c.F__c", "Value too long for field: MasterLabel maximum length is:40"},
		"field's name":      {own + field("1__c", textField), "A__c.1__c", "The field name you provided 1__c on object A__c can only contain alphanumeric characters, must begin with a letter, cannot end with an underscore or contain two consecutive underscore characters, and must be unique across all A__c fields"},
		"same name":         {own + field("F__c", textField) + field("f__C", textField), "A__c.f__C", "Duplicate name 'A__c.f__C' specified"},
		"same name again":   {own + field("F__c", textField) + field("F__c", textField), "A__c.F__c", "Duplicate name 'A__c.F__c' specified"},
		"standard field":    {own + field("Colour", textField), "A__c.Colour", "Could not resolve standard field's name."},
		"no length":         {own + field("F__c", "<label>F</label><type>Text</type>"), "A__c.F__c", "Must specify 'length' for a CustomField of type Text"},
		"no default":        {own + field("F__c", "<label>F</label><type>Checkbox</type>"), "A__c.F__c", "Must specify 'defaultValue' for a CustomField of type Checkbox"},
		"no lines":          {own + field("F__c", "<label>F</label><length>300</length><type>LongTextArea</type>"), "A__c.F__c", "Must specify 'visibleLines' for a CustomField of type LongTextArea"},
		"needless length":   {own + field("F__c", "<label>F</label><length>20</length><type>TextArea</type>"), "A__c.F__c", "Can not specify 'length' for a CustomField of type TextArea"},
		"required longtext": {own + field("F__c", "<label>F</label><length>300</length><required>true</required><type>LongTextArea</type><visibleLines>3</visibleLines>"), "A__c.F__c", "Can not specify 'required' for a CustomField of type LongTextArea"},
		"too long":          {own + field("F__c", "<label>F</label><length>256</length><type>Text</type>"), "A__c.F__c", "length: Value 256 is not between 1 and 255 for a CustomField of type Text"},
		"no values":         {own + field("F__c", "<label>F</label><type>Picklist</type>"), "A__c.F__c", "Must specify 'valueSet' for a CustomField of type Picklist"},
		"no such parent":    {own + field("F__c", lookup("None__c", "Fs")), "A__c.F__c", "referenceTo value of 'None__c' does not resolve to a valid sObject type"},
		"taken name":        {own + field("F__c", lookup("Account", "Spaces")), "A__c.F__c", "There is already a Child Relationship named Spaces on Account."},
		"required lookup":   {own + field("F__c", lookup("Account", "As")+"<required>true</required>"), "A__c.F__c", "field integrity exception: unknown (must specify either cascade delete or restrict delete for required lookup foreign key)"},
		"order of a lookup": {own + field("F__c", lookup("Account", "As")+"<relationshipOrder>0</relationshipOrder>"), "A__c.F__c", "Can not specify 'relationshipOrder' for a CustomField of type Lookup"},
		"required master":   {own + field("F__c", strings.Replace(lookup("Account", "As"), "Lookup", "MasterDetail", 1)+"<required>true</required>"), "A__c.F__c", "Master-Detail Relationship Fields Cannot be Optional or Required"},
		"kept from master":  {own + field("F__c", strings.Replace(lookup("Account", "As"), "Lookup", "MasterDetail", 1)+"<deleteConstraint>Cascade</deleteConstraint>"), "A__c.F__c", "Can not specify 'deleteConstraint' for a CustomField of type MasterDetail"},
	} {
		t.Run(name, func(t *testing.T) {
			_, messages := deploy(t, ourOrg(t), metadata.DeployOptions{}, manifest("CustomObject:A__c"), objectFile("A__c", tt.inner))
			var failures []metadata.Message
			for _, m := range messages {
				if m.IsFailure() {
					failures = append(failures, m)
				}
			}
			if len(failures) != 1 || failures[0].Problem != tt.want || failures[0].FullName != tt.full {
				t.Fatalf("%+v", failures)
			}
			if failures[0].Line == 0 || failures[0].ProblemType != "Error" || failures[0].FileName != "objects/A__c.object" {
				t.Errorf("%+v", failures[0])
			}
		})
	}
}

func problemsOf(messages []metadata.Message) string {
	var out []string
	for _, m := range messages {
		if m.Problem != "" {
			out = append(out, m.FileName+" "+m.FullName+": "+m.Problem)
		}
	}
	return strings.Join(out, "\n")
}

func TestPackageXMLIsHeldAgainstTheFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		files []file
		o     metadata.DeployOptions
		want  string
	}{
		"missing":      {[]file{manifest("ApexClass:A")}, metadata.DeployOptions{}, "package.xml A: An object 'A' of type ApexClass was named in package.xml, but was not found in zipped directory"},
		"may be":       {[]file{manifest("ApexClass:A")}, metadata.DeployOptions{AllowMissingFiles: true}, ""},
		"missing part": {[]file{manifest("CustomField:A__c.B__c"), objectFile("A__c", "")}, metadata.DeployOptions{AllowMissingFiles: true}, "objects/A__c.object A__c: Not in package.xml"},
		"unknown type": {[]file{manifest("Hat:A")}, metadata.DeployOptions{}, "package.xml package.xml: Unknown type name 'Hat' specified in package.xml"},
		"not named":    {[]file{manifest(), objectFile("A__c", own)}, metadata.DeployOptions{}, "objects/A__c.object A__c: Not in package.xml"},
		"no directory": {[]file{manifest(), {"hats/A.hat", "<Hat/>"}}, metadata.DeployOptions{}, "hats/A.hat A.hat: Not in package.xml"},
		"no manifest":  {[]file{objectFile("A__c", own)}, metadata.DeployOptions{}, "package.xml package.xml: No package.xml found"},
		"not XML":      {[]file{manifest("Layout:A"), {"layouts/A.layout", "<Layout>"}}, metadata.DeployOptions{}, "layouts/A.layout A: Error parsing file: line 1: unexpected EOF"},
		"other root":   {[]file{manifest("CustomObject:A__c"), {"objects/A__c.object", "<Layout/>"}}, metadata.DeployOptions{}, "objects/A__c.object A__c: Error parsing file: Invalid root element Layout, expected CustomObject"},
		"no object":    {[]file{manifest("CustomField:B__c.F__c"), objectFile("B__c", field("F__c", textField))}, metadata.DeployOptions{}, "objects/B__c.object B__c.F__c: Entity Enumeration Or ID: bad value for restricted picklist field: B__c"},
		"no suffix":    {[]file{manifest("CustomObject:B"), objectFile("B", own)}, metadata.DeployOptions{}, "objects/B.object B: 'B' does not resolve to a valid sObject type, fullName must end with: __as, __b, __c, __dll, __dlm, __e, __kav, __mdt, __mg, __x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, messages := deploy(t, ourOrg(t), tt.o, tt.files...)
			if got := problemsOf(messages); got != tt.want {
				t.Error(got)
			}
		})
	}
}

func TestAFieldBecomesOnlyWhatItsValuesAllow(t *testing.T) {
	c, _ := deploy(t, ourOrg(t), metadata.DeployOptions{}, manifest("CustomObject:A__c"), objectFile("A__c", own+
		field("Text__c", textField)+field("Formula__c", "<formula>1</formula><label>F</label><precision>3</precision><scale>0</scale><type>Number</type>")+
		field("Look__c", "<label>L</label><referenceTo>Account</referenceTo><relationshipName>As</relationshipName><type>Lookup</type>")))
	master := field("Look__c", "<label>L</label><referenceTo>Account</referenceTo><relationshipName>As</relationshipName><type>MasterDetail</type>")
	for name, tt := range map[string]struct {
		field string
		o     metadata.DeployOptions
		want  string
	}{
		"longer":       {field("Text__c", "<label>A</label><length>200</length><type>Text</type>"), metadata.DeployOptions{}, ""},
		"a picklist":   {field("Text__c", "<label>A</label><type>Picklist</type><valueSet><valueSetDefinition><sorted>false</sorted></valueSetDefinition></valueSet>"), metadata.DeployOptions{}, ""},
		"a number":     {field("Text__c", "<label>A</label><precision>3</precision><scale>0</scale><type>Number</type>"), metadata.DeployOptions{}, "Cannot update a field from a Text to a Number"},
		"no formula":   {field("Formula__c", "<label>A</label><precision>3</precision><scale>0</scale><type>Number</type>"), metadata.DeployOptions{}, "Cannot update a field from a Formula to something else"},
		"another one":  {field("Look__c", "<label>L</label><referenceTo>Lead</referenceTo><relationshipName>As</relationshipName><type>Lookup</type>"), metadata.DeployOptions{}, "Cannot update referenceTo on a Lookup field"},
		"a master":     {master, metadata.DeployOptions{}, ""},
		"only checked": {master, metadata.DeployOptions{CheckOnly: true}, "Test only deployment cannot update a field from a Lookup to MasterDetail"},
		"unique": {field("Text__c", textField+"<unique>true</unique>"), metadata.DeployOptions{Data: records{duplicates: true}},
			"Duplicate values exist for A__c.Text__c: the field cannot be made unique"},
		"a new master": {field("New__c", "<label>L</label><referenceTo>Account</referenceTo><relationshipName>News</relationshipName><type>MasterDetail</type>"),
			metadata.DeployOptions{Data: records{has: true}}, "You cannot create a Master-Detail relationship on A__c because it already has records. Create a Lookup instead, fill it, and convert it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, messages := deploy(t, c, tt.o, manifest("CustomObject:A__c"), objectFile("A__c", tt.field))
			if got := problemsOf(messages); !strings.HasSuffix(got, tt.want) || got == "" != (tt.want == "") {
				t.Error(got)
			}
		})
	}
}

func TestDestructiveChanges(t *testing.T) {
	named := func(name string, words ...string) file { return file{name, manifest(words...).text} }
	for name, tt := range map[string]struct {
		files []file
		o     metadata.DeployOptions
		want  string
		gone  string
	}{
		"a field":       {[]file{named("destructiveChanges.xml", "CustomField:Space__c.Partner_ID__c")}, metadata.DeployOptions{}, "", "Space__c.Partner_ID__c"},
		"an object":     {[]file{named("destructiveChangesPost.xml", "CustomObject:Space__c")}, metadata.DeployOptions{}, "", "Opportunity.Space__c"},
		"a master":      {[]file{named("destructiveChangesPre.xml", "CustomObject:Partner_Registration__c")}, metadata.DeployOptions{}, "destructiveChangesPre.xml Partner_Registration__c: This custom object is the master of Partner_Engagement__c.Partner_Registration__c; delete that relationship first", ""},
		"standard":      {[]file{named("destructiveChanges.xml", "CustomField:Account.Name")}, metadata.DeployOptions{}, "destructiveChanges.xml Account.Name: Cannot delete standard field: Account.Name", ""},
		"not there":     {[]file{named("destructiveChanges.xml", "ApexClass:None")}, metadata.DeployOptions{}, "destructiveChanges.xml destructiveChanges.xml: No ApexClass named: None found", ""},
		"never mind":    {[]file{named("destructiveChanges.xml", "ApexClass:None")}, metadata.DeployOptions{IgnoreWarnings: true}, "destructiveChanges.xml destructiveChanges.xml: No ApexClass named: None found", ""},
		"everything":    {[]file{named("destructiveChanges.xml", "ApexClass:*")}, metadata.DeployOptions{}, "destructiveChanges.xml destructiveChanges.xml: Wildcards are not allowed in destructiveChanges.xml", ""},
		"unknown types": {[]file{named("destructiveChanges.xml", "Hat:A")}, metadata.DeployOptions{}, "destructiveChanges.xml destructiveChanges.xml: Unknown type name 'Hat' specified in destructiveChanges.xml", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, messages := deploy(t, ourOrg(t), tt.o, append(tt.files, manifest())...)
			if got := problemsOf(messages); got != tt.want {
				t.Error(got)
			}
			if tt.gone == "" {
				return
			}
			if _, ok := c.Read("CustomField", tt.gone); ok {
				t.Errorf("%s is still there", tt.gone)
			}
			if !messages[0].Deleted && !messages[1].Deleted {
				t.Errorf("%+v", messages)
			}
		})
	}
}
