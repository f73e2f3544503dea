package salesforce

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/simpleforce/simpleforce"

	"github.com/partnersync/partnersync/internal/errs"
)

// lastSOAPLogin is the last API version that has login(). The session that it
// gives works with every version.
// https://help.salesforce.com/s/articleView?id=release-notes.rn_api_soap_login_retirement.htm
const lastSOAPLogin = 64

// soapLogin logs in by simpleforce's LoginPassword. That function puts client
// id, user name and token into XML as they are, so they are escaped here; the
// password it escapes itself.
//
// It also writes the user's name, and the body of a refusal, to the standard
// logger. The exchange keeps both from it: the library sees a refusal only as a
// sealed error, and of a success only the session and the address (soapResult).
// The line that it writes nevertheless says nothing, and quietLibrary drops it.
func (c *Client) soapLogin(ctx context.Context) (session, error) {
	quietLibrary()
	version := c.cfg.APIVersion
	if v, err := strconv.Atoi(strings.TrimSuffix(version, ".0")); err == nil && v > lastSOAPLogin {
		version = strconv.Itoa(lastSOAPLogin) + ".0"
	}
	x := c.newExchange(ctx, "POST services/Soap/u/"+version)
	x.header = http.Header{
		"User-Agent": {userAgent}, "Accept": {"text/xml"}, "Content-Type": {"text/xml; charset=UTF-8"}, "Soapaction": {"login"},
	}
	x.read = soapResult
	free, err := c.turn(ctx, x.name)
	if err != nil {
		return session{}, err
	}
	defer free()
	sf := simpleforce.NewClient(c.cfg.LoginURL, escapeXML(c.cfg.ClientID), version)
	sf.SetHttpClient(&http.Client{Transport: x})
	err = sf.LoginPassword(escapeXML(c.cfg.Username), c.cfg.Password, escapeXML(c.cfg.SecurityToken))
	switch {
	case x.err != nil:
		return session{}, x.err
	case err != nil:
		// The library's error could quote what it read.
		return session{}, errs.New(errs.Invalid, "%s: the answer is not a login", x.name).
			WithHint("Check that the login URL is the org's My Domain.")
	}
	return session{token: sf.GetSid(), instance: sf.GetLoc()}, nil
}

// escapeXML makes text safe as the content of an element.
func escapeXML(s string) string {
	var b bytes.Buffer
	// A bytes.Buffer takes every write, and Validate has refused what XML
	// cannot hold.
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return ""
	}
	return b.String()
}

// soapEnvelope is what the library needs of the answer of login(), and all that
// it gets. The rest of the real answer has the user's name and e-mail.
type soapEnvelope struct {
	XMLName xml.Name `xml:"Envelope"`
	URL     string   `xml:"Body>loginResponse>result>serverUrl"`
	ID      string   `xml:"Body>loginResponse>result>sessionId"`
}

var errNotLogin = errors.New("not the answer of login()")

// soapResult cuts the answer of login() down to a soapEnvelope.
func soapResult(body []byte) ([]byte, error) {
	var e soapEnvelope
	if err := xml.Unmarshal(body, &e); err != nil || e.ID == "" || e.URL == "" {
		return webPageOnly(body), errNotLogin
	}
	e.XMLName = xml.Name{Local: "Envelope"}
	cut, err := xml.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotLogin, err)
	}
	return cut, nil
}
