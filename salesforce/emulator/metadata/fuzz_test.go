package metadata_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Whatever a file holds, reading it panics never, and what was read is read again
// from what is written of it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(objectFile("A__c", own+field("F__c", textField)).text))
	f.Add([]byte(manifest("CustomObject:A__c").text))
	f.Add([]byte("<a xmlns:x='y' x:type='z:b'>&lt;<![CDATA[<]]></a>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := metadata.Parse(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "Error parsing file: ") {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := metadata.Parse(e.File())
		if err != nil || !again.Equal(e) {
			t.Errorf("%v\n%s", err, e.File())
		}
	})
}

// Whatever is deployed, the org that comes of it can be built, kept and read again.
func FuzzDeploy(f *testing.F) {
	for _, inner := range []string{own, own + field("F__c", textField), "<fields/>", own + field("L__c", "<label>L</label><referenceTo>A__c</referenceTo><relationshipName>As</relationshipName><type>MasterDetail</type>")} {
		f.Add("A__c", inner, "CustomObject:A__c")
	}
	base, err := schema.Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, inner, member string) {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, file := range []file{manifest(member), objectFile(name, inner), {"destructiveChanges.xml", manifest(member).text}} {
			e, err := w.Create(file.name)
			if err != nil {
				t.Skip()
			}
			e.Write([]byte(file.text))
		}
		w.Close()
		packages, err := metadata.ReadZip(b.Bytes(), true)
		if err != nil {
			return
		}
		c, _ := metadata.NewCatalog(base).Deploy(packages, metadata.DeployOptions{At: now})
		if _, err := schema.Build(c.Declaration(), schema.Options{Currencies: []string{"USD"}, SandboxField: schema.SandboxFlag}); err != nil {
			t.Fatal(err)
		}
		document, err := c.Document()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := metadata.ReadDocument(base, document); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever a zip is, reading it panics never.
func FuzzReadZip(f *testing.F) {
	f.Add(zipOf(f, manifest("CustomObject:A__c"), objectFile("A__c", own)), true)
	f.Add(zipOf(f, file{"unpackaged/package.xml", manifest().text}), false)
	f.Fuzz(func(_ *testing.T, data []byte, single bool) {
		metadata.ReadZip(data, single)
	})
}

func TestAZipWithinLimitsOnly(t *testing.T) {
	big := strings.Repeat("x", 17<<20)
	var many []file
	for i := range 10_001 {
		many = append(many, file{"classes/" + strings.Repeat("a", i%50) + string(rune('a'+i%26)) + strings.Repeat("b", i/50), ""})
	}
	for name, data := range map[string][]byte{
		"a way out": zipOf(t, file{"../../etc/passwd", ""}), "absolute": zipOf(t, file{"/etc/passwd", ""}), "backslash": zipOf(t, file{`a\b`, ""}),
		"twice": zipOf(t, file{"a", ""}, file{"a", ""}), "a bomb": zipOf(t, file{"a", big}), "many": zipOf(t, many...), "no zip": []byte("x"),
	} {
		if _, err := metadata.ReadZip(data, true); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := metadata.Parse([]byte(strings.Repeat("<a>", 100))); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("depth: %v", err)
	}
	if _, err := metadata.Parse([]byte(`<!DOCTYPE a [<!ENTITY x "y">]><a/>`)); err == nil || !strings.Contains(err.Error(), "DOCTYPE") {
		t.Errorf("entities: %v", err)
	}
}

func TestACatalogComesBackFromItsDocument(t *testing.T) {
	c, _ := deploy(t, ourOrg(t), metadata.DeployOptions{}, manifest("ApexClass:A"), file{"classes/A.cls", "x"}, file{"classes/A.cls-meta.xml", "<ApexClass/>"})
	document, err := c.Document()
	if err != nil {
		t.Fatal(err)
	}
	base, _ := schema.Default()
	again, err := metadata.ReadDocument(base, document)
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Document()
	if err != nil || !bytes.Equal(document, second) || !again.Has("ApexClass", "A") || !again.Has("CustomField", "Opportunity.Space__c") {
		t.Errorf("it is another catalog: %v", err)
	}
}

func TestDisplayFormatsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.StringMatching(`[A-Z%-]{0,5}`).Draw(t, "before")
		digits := rapid.IntRange(1, 10).Draw(t, "digits")
		after := rapid.StringMatching(`[A-Z%-]{0,5}`).Draw(t, "after")
		b, n, a := metadata.CounterFormat(before + "{" + strings.Repeat("0", digits) + "}" + after)
		if b != before || n != digits || a != after {
			t.Fatalf("%q %d %q", b, n, a)
		}
	})
}
