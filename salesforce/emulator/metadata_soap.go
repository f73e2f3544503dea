package emulator

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
)

// soapFault is a call to the Metadata API that is refused as a whole.
type soapFault struct{ code, message string }

func (e *soapFault) Error() string { return e.code + ": " + e.message }

func faultOf(code, format string, args ...any) *soapFault {
	return &soapFault{code, fmt.Sprintf(format, args...)}
}

// metadataCall is one call to the Metadata API.
type metadataCall struct {
	org    *Org
	userID string
	args   *metadata.Element // the operation with its arguments
}

// metadataOperations are the operations of the Metadata API. Each gives the results
// that its response holds, one element each.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_calls_intro.htm
var metadataOperations = map[string]func(*metadataCall) ([]any, error){
	"deploy":                 (*metadataCall).deploy,
	"checkDeployStatus":      (*metadataCall).checkDeploy,
	"cancelDeploy":           (*metadataCall).cancelDeploy,
	"deployRecentValidation": (*metadataCall).deployRecent,
	"retrieve":               (*metadataCall).retrieve,
	"checkRetrieveStatus":    (*metadataCall).checkRetrieve,
	"describeMetadata":       (*metadataCall).describe,
	"listMetadata":           (*metadataCall).list,
	"readMetadata":           (*metadataCall).read,
	"createMetadata":         (*metadataCall).create,
	"updateMetadata":         (*metadataCall).update,
	"upsertMetadata":         (*metadataCall).upsert,
	"deleteMetadata":         (*metadataCall).remove,
}

// metadataSOAP answers the Metadata API.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_intro.htm
func (o *Org) metadataSOAP(w http.ResponseWriter, r *http.Request) {
	name, results, err := o.metadataOperation(w, r)
	if err != nil {
		writeMetadataFault(w, err)
		return
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="` +
		metadata.Namespace + `" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><` + name + `Response>`)
	e := xml.NewEncoder(&b)
	for _, result := range results {
		if err := e.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: "result"}}); err != nil {
			writeMetadataFault(w, faultOf("UNKNOWN_EXCEPTION", "%v", err))
			return
		}
	}
	b.WriteString("</" + name + "Response></soapenv:Body></soapenv:Envelope>")
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	io.WriteString(w, b.String()) //nolint:errcheck // see writeJSON
}

// metadataOperation reads a call, checks its session and runs it.
func (o *Org) metadataOperation(w http.ResponseWriter, r *http.Request) (string, []any, error) {
	if r.Method != http.MethodPost {
		return "", nil, faultOf("UNKNOWN_EXCEPTION", "The HTTP method is not supported: %s", r.Method)
	}
	version := versionNumber(strings.Split(r.URL.Path, "/")[4])
	if version < 1 || version > lastVersion {
		return "", nil, faultOf("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, o.opt.MaxBody))
	if err != nil {
		return "", nil, faultOf("EXCEEDED_MAX_SIZE_REQUEST", "Maximum size of request reached. Maximum size of request is %d bytes.", o.opt.MaxBody)
	}
	envelope, err := metadata.ParseMessage(body)
	if err != nil {
		return "", nil, faultOf("UNKNOWN_EXCEPTION", "%v", err)
	}
	s, err := o.prolong(envelope.Child("Header").Child("SessionHeader").Value("sessionId"))
	if err != nil {
		return "", nil, faultOf("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
	}
	used, within := o.traffic.spend(o.opt.Clock.Now(), o.opt.DailyLimit)
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, o.opt.DailyLimit))
	if !within {
		return "", nil, faultOf("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	}
	calls := envelope.Child("Body")
	if calls == nil || len(calls.Children) != 1 {
		return "", nil, faultOf("UNKNOWN_EXCEPTION", "The request has no operation")
	}
	op := calls.Children[0]
	run, ok := metadataOperations[op.Name]
	if !ok {
		return "", nil, &soapFault{"", "No operation available for request {" + metadata.Namespace + "}" + op.Name}
	}
	results, err := run(&metadataCall{org: o, userID: s.userID, args: op})
	return op.Name, results, err
}

// writeMetadataFault answers with a SOAP fault.
func writeMetadataFault(w http.ResponseWriter, err error) {
	code, text := "soapenv:Client", err.Error()
	var f *soapFault
	ok := errors.As(err, &f)
	switch {
	case ok && f.code == "":
		text = f.message
	case ok:
		code = "sf:" + f.code
	default:
		code, text = "sf:UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION: "+text
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="%s"><soapenv:Body><soapenv:Fault><faultcode>%s</faultcode><faultstring>%s</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`,
		metadata.Namespace, metadata.Escape(code), metadata.Escape(text))
}

// asyncResult is what begins a deploy or a retrieve.
type asyncResult struct {
	Done   bool      `xml:"done"`
	ID     string    `xml:"id"`
	State  string    `xml:"state"`
	Status jobStatus `xml:"-"`
}

func (c *metadataCall) begin(j *metadataJob) ([]any, error) {
	if err := c.org.addJob(j); err != nil {
		return nil, faultOf("LIMIT_EXCEEDED", "%s", strings.TrimPrefix(err.Error(), "LIMIT_EXCEEDED: "))
	}
	return []any{asyncResult{ID: j.id, State: "Queued"}}, nil
}

// deploy answers deploy().
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deploy.htm
func (c *metadataCall) deploy() ([]any, error) {
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.args.Value("ZipFile")), ""))
	if err != nil || len(data) == 0 {
		return nil, faultOf("INVALID_OPERATION", "ZipFile is required, in base64")
	}
	options := deployOptions{}
	e := c.args.Child("DeployOptions")
	for name, flag := range map[string]*bool{
		"allowMissingFiles": &options.AllowMissingFiles, "autoUpdatePackage": &options.AutoUpdatePackage, "checkOnly": &options.CheckOnly,
		"ignoreWarnings": &options.IgnoreWarnings, "performRetrieve": &options.PerformRetrieve, "purgeOnDelete": &options.PurgeOnDelete,
		"rollbackOnError": &options.RollbackOnError, "runAllTests": &options.RunAllTests, "singlePackage": &options.SinglePackage,
	} {
		if v := e.Child(name); v != nil {
			if *flag, err = strconv.ParseBool(v.Text); err != nil {
				return nil, faultOf("UNKNOWN_EXCEPTION", "'%s' is not a valid value for the type xsd:boolean", v.Text)
			}
		}
	}
	for _, t := range e.All("runTests") {
		options.RunTests = append(options.RunTests, t.Text)
	}
	options.TestLevel = e.Value("testLevel")
	if err := options.check(); err != nil {
		return nil, err
	}
	return c.begin(&metadataJob{isDeploy: true, userID: c.userID, options: options, zip: data})
}

// testLevels are which Apex tests a deploy runs. The org has none to run.
var testLevels = []string{"", "NoTestRun", "RunSpecifiedTests", "RunLocalTests", "RunAllTestsInOrg", "RunRelevantTests"}

// check refuses options that don't go together.
func (o deployOptions) check() error {
	switch {
	case !slices.Contains(testLevels, o.TestLevel):
		return faultOf("UNKNOWN_EXCEPTION", "'%s' is not a valid value for the enum 'TestLevel'", o.TestLevel)
	case len(o.RunTests) > 0 && o.TestLevel != "" && o.TestLevel != "RunSpecifiedTests":
		return faultOf("INVALID_OPERATION", "runTests can be used only with a testLevel of RunSpecifiedTests")
	}
	return nil
}

func (c *metadataCall) noJob(id string) error {
	return faultOf("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id: no such process %s", id)
}

// checkDeploy answers checkDeployStatus().
func (c *metadataCall) checkDeploy() ([]any, error) {
	id := c.args.Value("asyncProcessId")
	j, ok := c.org.look(id, true)
	if !ok {
		return nil, c.noJob(id)
	}
	return []any{j.result(c.args.Value("includeDetails") == "true")}, nil
}

// cancelDeploy answers cancelDeploy().
func (c *metadataCall) cancelDeploy() ([]any, error) {
	id := c.args.Value("String") // so the WSDL names the argument
	for _, name := range []string{"id", "asyncProcessId"} {
		if id == "" {
			id = c.args.Value(name)
		}
	}
	j, ok := c.org.cancel(id, c.userID)
	if !ok {
		return nil, c.noJob(id)
	}
	return []any{struct {
		Done bool   `xml:"done"`
		ID   string `xml:"id"`
	}{j.isDone(), j.id}}, nil
}

// deployRecent answers deployRecentValidation().
func (c *metadataCall) deployRecent() ([]any, error) {
	j, err := c.org.quickDeploy(c.args.Value("validationId"), c.userID)
	if err != nil {
		return nil, faultOf("INVALID_ID_FIELD", "%s", strings.TrimPrefix(err.Error(), "INVALID_ID_FIELD: "))
	}
	return []any{j.id}, nil
}
