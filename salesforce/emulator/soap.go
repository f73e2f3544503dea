package emulator

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// soapLoginGone is the first version whose SOAP API has no login().
const soapLoginGone = 65

// soap answers login() of the SOAP API (partner and enterprise).
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_login.htm
func (o *Org) soap(w http.ResponseWriter, r *http.Request) {
	kind := strings.Split(r.URL.Path, "/")[3] // u or c
	if r.Method != http.MethodPost {
		writeFault(w, kind, "soapenv:Client", "", "The HTTP method is not supported: "+r.Method)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		writeFault(w, kind, "sf:UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION", "the request cannot be read")
		return
	}
	var envelope struct {
		Body struct {
			Login *struct {
				Username string `xml:"username"`
				Password string `xml:"password"`
			} `xml:"login"`
			Inner string `xml:",innerxml"`
		} `xml:"Body"`
	}
	if err := xml.Unmarshal(body, &envelope); err != nil {
		writeFault(w, kind, "UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION", err.Error())
		return
	}
	version := strings.SplitN(strings.Split(r.URL.Path, "/")[4], ".", 2)[0]
	n, err := strconv.Atoi(version)
	switch login := envelope.Body.Login; {
	case err != nil || n < 1 || n > lastVersion:
		writeFault(w, kind, "UNSUPPORTED_API_VERSION", "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
	case login == nil || n >= soapLoginGone:
		writeFault(w, kind, "soapenv:Client", "", "No operation available for request "+firstElement(envelope.Body.Inner))
	case o.opt.NoSOAPLogin:
		writeFault(w, kind, "INVALID_OPERATION", "INVALID_OPERATION",
			"SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API login().")
	case o.checkPassword(login.Username, login.Password) != nil:
		writeFault(w, kind, "INVALID_LOGIN", "INVALID_LOGIN",
			"Invalid username, password, security token; or user locked out.")
	default:
		o.writeLogin(w, r, kind, version)
	}
}

// firstElement names the first element of a SOAP body.
func firstElement(inner string) string {
	d := xml.NewDecoder(strings.NewReader(inner))
	for {
		t, err := d.Token()
		if err != nil {
			return ""
		}
		if s, ok := t.(xml.StartElement); ok {
			return "{" + s.Name.Space + "}" + s.Name.Local
		}
	}
}

// soapSpace is the namespace of the partner or the enterprise API.
func soapSpace(kind string) string {
	if kind == "c" {
		return "urn:enterprise.soap.sforce.com"
	}
	return "urn:partner.soap.sforce.com"
}

func (o *Org) writeLogin(w http.ResponseWriter, r *http.Request, kind, version string) {
	instance := o.instanceURL(r)
	org := o.OrgID[:15]
	pairs := []struct{ name, value string }{
		{"accessibilityMode", "false"}, {"currencySymbol", "$"}, {"orgDefaultCurrencyIsoCode", o.opt.Currencies[0]},
		{"organizationId", o.OrgID}, {"organizationMultiCurrency", schema.BoolText(o.opt.MultiCurrency)}, {"organizationName", "Acme"},
		{"profileId", store.MakeID("00e", 1)}, {"sessionSecondsValid", strconv.Itoa(int(o.opt.SessionTTL.Seconds()))},
		{"userEmail", o.opt.Username}, {"userFullName", "Integration User"}, {"userId", o.UserID}, {"userLanguage", "en_US"},
		{"userLocale", "en_US"}, {"userName", o.opt.Username}, {"userTimeZone", "GMT"}, {"userType", "Standard"}, {"userUiSkin", "Theme3"},
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="%s" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><loginResponse><result>`, soapSpace(kind))
	element(&b, "metadataServerUrl", fmt.Sprintf("%s/services/Soap/m/%s.0/%s", instance, version, org))
	element(&b, "passwordExpired", "false")
	element(&b, "sandbox", "false")
	element(&b, "serverUrl", fmt.Sprintf("%s/services/Soap/%s/%s.0/%s", instance, kind, version, org))
	element(&b, "sessionId", o.newSession())
	element(&b, "userId", o.UserID)
	b.WriteString("<userInfo>")
	for _, p := range pairs {
		element(&b, p.name, p.value)
	}
	b.WriteString("</userInfo></result></loginResponse></soapenv:Body></soapenv:Envelope>")
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.Write(b.Bytes()) //nolint:errcheck // see writeJSON
}

func element(b *bytes.Buffer, name, value string) {
	b.WriteString("<" + name + ">")
	xml.EscapeText(b, []byte(value)) //nolint:errcheck // a Buffer takes everything
	b.WriteString("</" + name + ">")
}

// writeFault answers with a SOAP fault; code "" leaves the detail out.
func writeFault(w http.ResponseWriter, kind, faultCode, code, message string) {
	var b bytes.Buffer
	if code != "" {
		faultCode, message = "sf:"+code, code+": "+message
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.%s" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>`,
		strings.TrimPrefix(soapSpace(kind), "urn:"))
	element(&b, "faultcode", faultCode)
	element(&b, "faultstring", message)
	if code != "" {
		b.WriteString(`<detail><sf:LoginFault xsi:type="sf:LoginFault">`)
		element(&b, "sf:exceptionCode", code)
		element(&b, "sf:exceptionMessage", strings.TrimPrefix(message, code+": "))
		b.WriteString("</sf:LoginFault></detail>")
	}
	b.WriteString("</soapenv:Fault></soapenv:Body></soapenv:Envelope>")
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(http.StatusInternalServerError)
	w.Write(b.Bytes()) //nolint:errcheck // see writeJSON
}
