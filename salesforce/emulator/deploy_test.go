package emulator_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

// packageZip is this project's package as the CLI would zip it.
func packageZip(t testing.TB) []byte {
	t.Helper()
	base, err := schema.Default()
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := metadata.Customize(base, orgpackage.Source, noon)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	list, err := catalog.List("CustomField")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		fields = append(fields, p.FullName)
	}
	data, _, problems, err := catalog.Retrieve(metadata.Retrieval{Version: "62.0", Single: true, At: noon,
		Types: []metadata.Members{{Type: "CustomObject", Names: []string{"*"}}, {Type: "CustomField", Names: fields}}})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return data
}

// zipFiles zips files that are given as a name and a text each.
func zipFiles(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packageXML(typeName string, names ...string) string {
	return "<Package><types><members>" + strings.Join(names, "</members><members>") + "</members><name>" + typeName + "</name></types><version>62.0</version></Package>"
}

// deployed is what REST tells of a deploy.
type deployed struct {
	ID     string
	Result struct {
		Status  string `json:"status"`
		Done    bool   `json:"done"`
		Success bool   `json:"success"`
		Errors  int    `json:"numberComponentErrors"`
		Good    int    `json:"numberComponentsDeployed"`
		Details struct {
			Failures []struct{ FullName, Problem, FileName, ComponentType string } `json:"componentFailures"`
		} `json:"details"`
	} `json:"deployResult"`
}

// post begins a deploy by REST.
func (c *client) post(data []byte, options string) deployed {
	c.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part := func(name, file, kind string, content []byte) {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q`, name)+file)
		h.Set("Content-Type", kind)
		p, err := w.CreatePart(h)
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := p.Write(content); err != nil {
			c.t.Fatal(err)
		}
	}
	part("file", `; filename="package.zip"`, "application/zip", data)
	part("entity_content", "", "application/json", []byte(`{"deployOptions":`+options+`}`))
	if err := w.Close(); err != nil {
		c.t.Fatal(err)
	}
	return c.told(c.do("POST", "metadata/deployRequest", body.String(), "Content-Type", w.FormDataContentType()))
}

func (c *client) told(status int, body string, _ any) deployed {
	c.t.Helper()
	var d deployed
	if err := json.Unmarshal([]byte(body), &d); err != nil || status > 202 {
		c.t.Fatalf("%d %s", status, body)
	}
	return d
}

func (c *client) look(id string) deployed {
	c.t.Helper()
	status, body, h := c.do("GET", "metadata/deployRequest/"+id+"?includeDetails=true", "")
	return c.told(status, body, h)
}

// deploy deploys by REST to the end.
func (c *client) deploy(data []byte, options string) deployed {
	c.t.Helper()
	d := c.post(data, options)
	for range 10 {
		if d.Result.Done {
			return d
		}
		d = c.look(d.ID)
	}
	c.t.Fatal("the deploy does not end")
	return d
}

const allOrNothing = `{"singlePackage":true,"rollbackOnError":true}`

func TestADeployMakesABareOrgOurs(t *testing.T) {
	c := newClient(t, emulator.Options{Bare: true})
	c.refused(404, "NOT_FOUND", "GET", "sobjects/Space__c/describe", "")
	d := c.post(packageZip(t), allOrNothing)
	var states []string
	for !d.Result.Done {
		states = append(states, d.Result.Status)
		d = c.look(d.ID)
	}
	if got := strings.Join(append(states, d.Result.Status), " "); got != "Pending InProgress Succeeded" || d.Result.Errors != 0 || d.Result.Good < 90 {
		t.Fatalf("%s %+v", got, d.Result)
	}
	full := emulator.New(emulator.Options{Clock: c.clock})
	for _, want := range full.Schema.Objects {
		got, ok := c.org.Schema.Object(want.Name)
		if !ok || got.Prefix != want.Prefix || len(got.Fields) != len(want.Fields) || got.History != want.History {
			t.Errorf("%s came out otherwise than in an org that had it from the start", want.Name)
		}
	}
	space := c.insert("Space__c", map[string]any{"Space_Key__c": "k", "Partner_ID__c": "FG3877"})
	c.insert("Opportunity", map[string]any{"Name": "o", "StageName": "Prospecting", "CloseDate": "2026-01-01", "Space__c": space})
	if got := c.names("SELECT Name FROM Opportunity WHERE Space__r.Partner_ID__c = 'FG3877'"); got != "o" {
		t.Error(got)
	}
}

func TestADeployThatFailsIsRolledBackOrNot(t *testing.T) {
	files := []string{"package.xml", packageXML("CustomField", "Account.Good__c", "Account.Bad__c"), "objects/Account.object",
		"<CustomObject><fields><fullName>Good__c</fullName><label>Good</label><length>5</length><type>Text</type></fields>" +
			"<fields><fullName>Bad__c</fullName><label>Bad</label><type>Text</type></fields></CustomObject>"}
	for options, want := range map[string]struct {
		status string
		has    bool
	}{
		allOrNothing: {"Failed", false}, `{"singlePackage":true,"rollbackOnError":false}`: {"SucceededPartial", true},
		`{"singlePackage":true,"rollbackOnError":false,"checkOnly":true}`: {"Failed", false},
	} {
		c := newClient(t, emulator.Options{})
		d := c.deploy(zipFiles(t, files...), options)
		account, _ := c.org.Schema.Object("Account")
		_, has := account.Field("Good__c")
		if d.Result.Status != want.status || has != want.has || d.Result.Errors != 1 || d.Result.Details.Failures[0].FullName != "Account.Bad__c" ||
			d.Result.Details.Failures[0].Problem != "Must specify 'length' for a CustomField of type Text" {
			t.Errorf("%s: %+v, field there: %v", options, d.Result, has)
		}
	}
}

func TestAValidationIsDeployedQuickly(t *testing.T) {
	c := newClient(t, emulator.Options{Bare: true})
	d := c.deploy(packageZip(t), `{"singlePackage":true,"rollbackOnError":true,"checkOnly":true}`)
	if _, there := c.org.Schema.Object("Space__c"); !d.Result.Success || there {
		t.Fatalf("%+v", d.Result)
	}
	status, body, h := c.do("POST", "metadata/deployRequest", `{"validatedDeployRequestId":"`+d.ID+`"}`)
	quick := c.told(status, body, h)
	for !quick.Result.Done {
		quick = c.look(quick.ID)
	}
	if _, there := c.org.Schema.Object("Space__c"); !quick.Result.Success || !there {
		t.Errorf("%+v", quick.Result)
	}
	c.refused(400, "INVALID_ID_FIELD", "POST", "metadata/deployRequest", `{"validatedDeployRequestId":"`+quick.ID+`"}`)
	c.refused(404, "NOT_FOUND", "GET", "metadata/deployRequest/0Af000000000000AAA", "")
}

func TestACanceledDeployDoesNothing(t *testing.T) {
	c := newClient(t, emulator.Options{Bare: true})
	d := c.post(packageZip(t), allOrNothing)
	status, body, h := c.do("PATCH", "metadata/deployRequest/"+d.ID, `{"deployResult":{"status":"Canceling"}}`)
	if got := c.told(status, body, h); got.Result.Status != "Canceling" {
		t.Errorf("%+v", got)
	}
	if got := c.look(d.ID); got.Result.Status != "Canceled" || !got.Result.Done {
		t.Errorf("%+v", got)
	}
	if _, there := c.org.Schema.Object("Space__c"); there {
		t.Error("it was deployed all the same")
	}
}

func TestADeployThatNobodyWatchesEnds(t *testing.T) {
	c := newClient(t, emulator.Options{Bare: true})
	c.post(packageZip(t), allOrNothing)
	c.clock.Advance(3 * time.Second)
	c.do("GET", "limits", "")
	c.do("GET", "limits", "")
	if got := c.query("query", "SELECT COUNT() FROM Space__c"); !got.Done {
		t.Errorf("%+v", got)
	}
}

func TestADeletedFieldTakesItsValuesAlong(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1})
	for _, key := range []string{"a", "b", "c"} {
		c.insert("Space__c", map[string]any{"Space_Key__c": key, "Name": key, "QuickStart_Org_ID__c": "00D000000000001"})
	}
	page := c.query("query", "SELECT Name, QuickStart_Org_ID__c FROM Space__c ORDER BY Name", "Sforce-Query-Options", "batchSize=1")
	gone := packageXML("CustomField", "Space__c.QuickStart_Org_ID__c")
	if d := c.deploy(zipFiles(t, "package.xml", "<Package><version>62.0</version></Package>", "destructiveChanges.xml", gone), allOrNothing); !d.Result.Success {
		t.Fatalf("%+v", d.Result)
	}
	next := c.page(page.NextRecordsURL, "Sforce-Query-Options", "batchSize=1")
	if next.Records[0]["Name"] != "b" || next.Records[0]["QuickStart_Org_ID__c"] != nil {
		t.Errorf("a cursor from before reads %v", next.Records)
	}
	c.refused(400, "INVALID_FIELD", "GET", "query?q=SELECT+QuickStart_Org_ID__c+FROM+Space__c", "")
	back := c.deploy(packageZip(t), allOrNothing)
	if got := c.query("query", "SELECT Space_Key__c, QuickStart_Org_ID__c FROM Space__c WHERE QuickStart_Org_ID__c = null"); !back.Result.Success || got.TotalSize != 3 {
		t.Errorf("the field that came back: %+v", got)
	}
}

// soapCall calls the Metadata API and gives the answer's body.
func (c *client) soapCall(inner string) (int, string) {
	c.t.Helper()
	status, body, _ := c.do("POST", "/services/Soap/m/62.0", `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header xmlns="http://soap.sforce.com/2006/04/metadata"><SessionHeader><sessionId>`+
		c.token+`</sessionId></SessionHeader></soapenv:Header><soapenv:Body xmlns="http://soap.sforce.com/2006/04/metadata">`+inner+`</soapenv:Body></soapenv:Envelope>`, "Content-Type", "text/xml", "SOAPAction", `""`)
	return status, body
}

func TestTheMetadataAPIBySOAP(t *testing.T) {
	c := newClient(t, emulator.Options{Bare: true})
	_, body := c.soapCall("<deploy><ZipFile>" + base64.StdEncoding.EncodeToString(packageZip(t)) +
		"</ZipFile><DeployOptions><rollbackOnError>true</rollbackOnError><singlePackage>true</singlePackage></DeployOptions></deploy>")
	id := between(body, "<id>", "</id>")
	for range 3 {
		_, body = c.soapCall("<checkDeployStatus><asyncProcessId>" + id + "</asyncProcessId><includeDetails>true</includeDetails></checkDeployStatus>")
	}
	if !strings.Contains(body, "<status>Succeeded</status>") || !regexp.MustCompile(`<componentSuccesses>.*<fullName>Space__c.Partner_ID__c</fullName>`).MatchString(body) {
		t.Fatal(body)
	}
	_, body = c.soapCall("<retrieve><retrieveRequest><apiVersion>62.0</apiVersion><unpackaged><types><members>Space__c</members><name>CustomObject</name></types><version>62.0</version></unpackaged></retrieveRequest></retrieve>")
	id = between(body, "<id>", "</id>")
	for range 3 {
		_, body = c.soapCall("<checkRetrieveStatus><asyncProcessId>" + id + "</asyncProcessId></checkRetrieveStatus>")
	}
	data, err := base64.StdEncoding.DecodeString(between(body, "<zipFile>", "</zipFile>"))
	if z, zerr := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil || zerr != nil || len(z.File) != 2 || z.File[0].Name != "unpackaged/objects/Space__c.object" {
		t.Errorf("%v %v %s", err, zerr, body)
	}
	for call, want := range map[string]string{
		"<describeMetadata><asOfVersion>62.0</asOfVersion></describeMetadata>":                                                                                           "<childXmlNames>CustomField</childXmlNames>",
		"<listMetadata><queries><type>CustomField</type></queries></listMetadata>":                                                                                       "<fullName>Lead.Referral_Code__c</fullName>",
		"<readMetadata><type>CustomField</type><fullNames>Space__c.Partner_ID__c</fullNames></readMetadata>":                                                             `<records xsi:type="CustomField"><fullName>Space__c.Partner_ID__c</fullName>`,
		`<createMetadata><metadata xsi:type="CustomField"><fullName>Lead.A__c</fullName><label>A</label><length>5</length><type>Text</type></metadata></createMetadata>`: "<success>true</success>",
		"<deleteMetadata><type>CustomField</type><fullNames>Lead.Nope__c</fullNames></deleteMetadata>":                                                                   "<statusCode>INVALID_CROSS_REFERENCE_KEY</statusCode>",
	} {
		call = strings.Replace(call, " xsi:type", ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type`, 1)
		if status, body := c.soapCall(call); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s\n%d %s", call, status, body)
		}
	}
}

func TestMetadataFaults(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for call, want := range map[string]string{
		"<renameMetadata/>": "<faultstring>No operation available for request {http://soap.sforce.com/2006/04/metadata}renameMetadata</faultstring>",
		"<listMetadata><queries><type>Hat</type></queries></listMetadata>":          "<faultcode>sf:INVALID_TYPE</faultcode><faultstring>INVALID_TYPE: Unknown type:Hat</faultstring>",
		"<checkDeployStatus><asyncProcessId>x</asyncProcessId></checkDeployStatus>": "<faultcode>sf:INVALID_CROSS_REFERENCE_KEY</faultcode>",
		"<deploy><ZipFile>*</ZipFile></deploy>":                                     "<faultcode>sf:INVALID_OPERATION</faultcode>",
		"<deploy>":                                                                  "<faultcode>sf:UNKNOWN_EXCEPTION</faultcode>",
		"":                                                                          "<faultcode>sf:UNKNOWN_EXCEPTION</faultcode>",
	} {
		if status, body := c.soapCall(call); status != 500 || !strings.Contains(body, want) {
			t.Errorf("%s\n%d %s", call, status, body)
		}
	}
	c.token = "nobody"
	if status, body := c.soapCall("<describeMetadata/>"); status != 500 || !strings.Contains(body, "<faultcode>sf:INVALID_SESSION_ID</faultcode>") {
		t.Errorf("%d %s", status, body)
	}
}

func TestABadZipFailsTheDeploy(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for name, data := range map[string][]byte{"no zip": []byte("PK"), "a way out": zipFiles(t, "../package.xml", "<Package/>"), "twice": zipFiles(t, "a", "", "a", "")} {
		if d := c.deploy(data, allOrNothing); d.Result.Status != "Failed" || d.Result.Success {
			t.Errorf("%s: %+v", name, d.Result)
		}
	}
}

func TestTheToolingAPIKnowsWhatIsDeployed(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for query, want := range map[string]int{
		"SELECT Id FROM CustomObject WHERE DeveloperName = 'Space'":                                                     1,
		"SELECT Id, TableEnumOrId FROM CustomField WHERE TableEnumOrId = 'Opportunity'":                                 6,
		"SELECT DurableId FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Lead' AND IsNameField = true": 1,
		"SELECT Id FROM ApexClass": 0, "SELECT Id FROM Organization": 1,
	} {
		if got := c.query("tooling/query", query); got.TotalSize != want {
			t.Errorf("%s: %d", query, got.TotalSize)
		}
	}
	c.refused(404, "NOT_FOUND", "GET", "tooling/sobjects/SourceMember/describe", "")
}

func TestWhatWasDeployedIsInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org")
	org, _, err := emulator.Open(emulator.Options{Bare: true, Clock: clock.NewManual(noon)}, emulator.FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, clock: clock.NewManual(noon), org: org}
	c.serve(org.Handler())
	c.login()
	c.insert("Account", map[string]any{"Name": "before"})
	if d := c.deploy(packageZip(t), allOrNothing); !d.Result.Success {
		t.Fatalf("%+v", d.Result)
	}
	c.insert("Space__c", map[string]any{"Space_Key__c": "k"})
	want := everything(org)
	c.close()
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	again, _ := openOrg(t, path, emulator.Options{})
	for object, records := range want {
		if got := again.Records(object); fmt.Sprint(got) != fmt.Sprint(records) {
			t.Errorf("%s: %v, not %v", object, got, records)
		}
	}
}

// While a client sends half of a body, or fetches half of a result, others deploy and
// go on.
func TestSlowClientsHoldNoDeployUp(t *testing.T) {
	c := newClient(t, emulator.Options{Bare: true})
	_, body, _ := c.do("POST", "jobs/ingest", `{"object":"Account","operation":"insert"}`)
	job := between(body, `"id":"`, `"`)
	for _, slow := range []struct{ method, path, contentType string }{
		{"POST", "sobjects/Account", "application/json"}, {"PATCH", "composite/sobjects/Account/Id", "multipart/mixed"},
		{"PUT", "jobs/ingest/" + job + "/batches", "text/csv"},
	} {
		half, rest := io.Pipe()
		req, err := http.NewRequest(slow.method, c.url+"/services/data/v62.0/"+slow.path, half)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("Content-Type", slow.contentType)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
		}()
		if _, err := rest.Write([]byte("Name\n")); err != nil { // it is on its way
			t.Fatal(err)
		}
		patience := time.AfterFunc(20*time.Second, func() {
			t.Errorf("%s %s: everybody waits for it", slow.method, slow.path)
			rest.Close()
		})
		if d := c.deploy(packageZip(t), allOrNothing); !d.Result.Success {
			t.Errorf("%s %s: %+v", slow.method, slow.path, d.Result)
		}
		if status, body, _ := c.do("GET", "limits", ""); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		patience.Stop()
		rest.Close()
		<-ended
	}
}

func TestRequestsGoOnWhileTheSchemaChanges(t *testing.T) {
	c := newClient(t, emulator.Options{})
	data := packageZip(t)
	var work sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c.do("GET", "query?q=SELECT+Name,+Partner_ID__c+FROM+Space__c", "")
				c.do("GET", "sobjects/Space__c/describe", "")
				c.do("POST", "sobjects/Space__c", `{"Name":"x"}`)
				c.org.Records("Space__c")
			}
		})
	}
	gone := zipFiles(t, "package.xml", "<Package><version>62.0</version></Package>", "destructiveChanges.xml", packageXML("CustomField", "Space__c.Partner_ID__c"))
	for range 3 {
		for _, z := range [][]byte{gone, data} {
			d := c.post(z, allOrNothing)
			for !d.Result.Done {
				d = c.look(d.ID)
			}
			if !d.Result.Success {
				t.Errorf("%+v", d.Result)
			}
		}
	}
	close(stop)
	work.Wait()
}
