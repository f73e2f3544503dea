package metadata_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func emptyOrg(t testing.TB) *metadata.Catalog {
	t.Helper()
	base, err := schema.Default()
	if err != nil {
		t.Fatal(err)
	}
	return metadata.NewCatalog(base)
}

// ourOrg has what this project's package makes of an org.
func ourOrg(t testing.TB) *metadata.Catalog {
	t.Helper()
	base, err := schema.Default()
	if err != nil {
		t.Fatal(err)
	}
	c, err := metadata.Customize(base, orgpackage.Source, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// file is an entry of a zip.
type file struct{ name, text string }

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		e, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// manifest writes a package.xml of words like "CustomObject:A__c".
func manifest(words ...string) file {
	var b strings.Builder
	b.WriteString(`<Package xmlns="http://soap.sforce.com/2006/04/metadata">`)
	for _, w := range words {
		typeName, name, _ := strings.Cut(w, ":")
		b.WriteString("<types><members>" + name + "</members><name>" + typeName + "</name></types>")
	}
	b.WriteString("<version>62.0</version></Package>")
	return file{"package.xml", b.String()}
}

func objectFile(name, inner string) file {
	return file{"objects/" + name + ".object", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">` + "\n" + inner + "\n</CustomObject>\n"}
}

const own = `<deploymentStatus>Deployed</deploymentStatus><label>Thing</label><nameField><label>Name</label><type>Text</type></nameField>` +
	`<pluralLabel>Things</pluralLabel><sharingModel>ReadWrite</sharingModel>`

func field(name, inner string) string {
	return "<fields><fullName>" + name + "</fullName>" + inner + "</fields>"
}

const textField = "<label>A</label><length>20</length><type>Text</type>"

func deploy(t testing.TB, c *metadata.Catalog, o metadata.DeployOptions, files ...file) (*metadata.Catalog, []metadata.Message) {
	t.Helper()
	packages, err := metadata.ReadZip(zipOf(t, files...), true)
	if err != nil {
		t.Fatal(err)
	}
	o.At = now
	return c.Deploy(packages, o)
}

func TestThePackageOfThisProjectIsGood(t *testing.T) {
	c := ourOrg(t)
	if _, err := schema.Build(c.Declaration(), schema.Options{Currencies: []string{"USD"}, SandboxField: schema.SandboxFlag}); err != nil {
		t.Fatal(err)
	}
	for object, prefix := range c.Declaration().Prefixes {
		for _, d := range c.Declaration().Objects {
			if d.Name == object && d.Prefix != prefix {
				t.Errorf("%s has the key prefix %s, not %s", object, d.Prefix, prefix)
			}
		}
	}
}

func TestDeployingTheSameAgainChangesNothing(t *testing.T) {
	p, err := metadata.ReadSource(orgpackage.Source)
	if err != nil {
		t.Fatal(err)
	}
	_, messages := ourOrg(t).Deploy([]*metadata.Package{p}, metadata.DeployOptions{At: now.Add(time.Hour)})
	if len(messages) < 80 {
		t.Fatalf("%d messages", len(messages))
	}
	for _, m := range messages {
		if m.Created || m.Changed || m.IsFailure() {
			t.Errorf("%+v", m)
		}
	}
}

func TestWhatIsRetrievedCanBeDeployedIntoAnotherOrg(t *testing.T) {
	full := ourOrg(t)
	data, properties, problems, err := full.Retrieve(metadata.Retrieval{Version: "62.0", At: now, Single: true, Types: []metadata.Members{
		{Type: "CustomObject", Names: []string{"*"}}, {Type: "CustomField", Names: []string{"Opportunity.Space__c", "Opportunity.Partner_Registration__c"}}}})
	if err != nil || len(problems) > 0 || len(properties) != 14 {
		t.Fatalf("%v %v, %d properties", err, problems, len(properties))
	}
	packages, err := metadata.ReadZip(data, true)
	if err != nil {
		t.Fatal(err)
	}
	c, messages := emptyOrg(t).Deploy(packages, metadata.DeployOptions{At: now})
	for _, m := range messages {
		if m.IsFailure() {
			t.Errorf("%+v", m)
		}
	}
	want, _ := full.Read("CustomObject", "Partner_Commission__c")
	if got, ok := c.Read("CustomObject", "Partner_Commission__c"); !ok || !got.Equal(want) {
		t.Errorf("the object came out otherwise:\n%s", got.File())
	}
	if _, ok := c.Read("CustomField", "Opportunity.Space__c"); !ok {
		t.Error("the field of a standard object is missing")
	}
}

func TestRetrieveNamesWhatIsNotThere(t *testing.T) {
	_, _, problems, err := ourOrg(t).Retrieve(metadata.Retrieval{Types: []metadata.Members{
		{Type: "CustomField", Names: []string{"Account.None__c"}}, {Type: "Nonsense", Names: []string{"*"}}}})
	if err != nil || len(problems) != 2 || problems[0].Problem != "Entity of type 'CustomField' named 'Account.None__c' cannot be found" ||
		problems[1].Problem != "Entity type 'Nonsense' is unknown" || problems[0].FileName != "unpackaged/package.xml" {
		t.Errorf("%v %+v", err, problems)
	}
}

func TestADeployThatFailsLeavesTheCatalogAsItWas(t *testing.T) {
	c := ourOrg(t)
	_, messages := deploy(t, c, metadata.DeployOptions{}, manifest("CustomObject:Good__c", "CustomObject:Bad__c"),
		objectFile("Good__c", own), objectFile("Bad__c", "<label>Bad</label>"))
	if n := len(messages); n != 3 {
		t.Fatalf("%d messages: %+v", n, messages)
	}
	if _, ok := c.Read("CustomObject", "Good__c"); ok {
		t.Error("the catalog that was deployed on has changed")
	}
}

func TestComponentsOfOtherTypesAreKeptAndGivenBack(t *testing.T) {
	class := file{"classes/A.cls", "public class A {}"}
	meta := file{"classes/A.cls-meta.xml", `<ApexClass xmlns="http://soap.sforce.com/2006/04/metadata"><apiVersion>62.0</apiVersion></ApexClass>`}
	report := file{"reports/F/R.report", `<Report xmlns="http://soap.sforce.com/2006/04/metadata"><name>R</name></Report>`}
	folder := file{"reports/F-meta.xml", `<ReportFolder xmlns="http://soap.sforce.com/2006/04/metadata"><name>F</name></ReportFolder>`}
	lwc := file{"lwc/thing/thing.js", "export default class {}"}
	c, messages := deploy(t, emptyOrg(t), metadata.DeployOptions{},
		manifest("ApexClass:A", "Report:F", "Report:F/R", "LightningComponentBundle:thing"), class, meta, report, folder, lwc)
	created := 0
	for _, m := range messages {
		if m.IsFailure() {
			t.Errorf("%+v", m)
		}
		if m.Created {
			created++
		}
	}
	if created != 4 {
		t.Errorf("%d were created: %+v", created, messages)
	}
	data, _, problems, err := c.Retrieve(metadata.Retrieval{Single: true, At: now, Types: []metadata.Members{
		{Type: "ApexClass", Names: []string{"*"}}, {Type: "Report", Names: []string{"F/R"}}}})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "classes/A.cls classes/A.cls-meta.xml package.xml reports/F/R.report" {
		t.Error(got)
	}
}

func TestKeyPrefixesGoOnAfterThoseThatAreTaken(t *testing.T) {
	c, _ := deploy(t, ourOrg(t), metadata.DeployOptions{}, manifest("CustomObject:First__c", "CustomObject:Second__c"), objectFile("First__c", own), objectFile("Second__c", own))
	got := map[string]string{}
	for _, d := range c.Declaration().Objects {
		got[d.Name] = d.Prefix
	}
	if got["First__c"] != "a0C" || got["Second__c"] != "a0D" || got["Space__c"] != "a01" {
		t.Errorf("%v", got)
	}
}
