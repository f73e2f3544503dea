package emulator

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// soapLogin answers login().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_login.htm
func (o *Org) soapLogin(w http.ResponseWriter, r *http.Request, kind, version string, args *xmlNode) {
	switch {
	case o.opt.NoSOAPLogin:
		writeFault(w, kind, "", "INVALID_OPERATION",
			"SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API login().")
	case o.checkPassword(args.text("username"), args.text("password")) != nil:
		writeFault(w, kind, "", "INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
	default:
		instance := o.instanceURL(r)
		org := o.OrgID[:15]
		c := &soapCall{call: &call{w: w, r: r}, kind: kind, args: args, out: &bytes.Buffer{}}
		b := c.out
		b.WriteString("<result>")
		element(b, "metadataServerUrl", fmt.Sprintf("%s/services/Soap/m/%s/%s", instance, version, org))
		element(b, "passwordExpired", "false")
		element(b, "sandbox", "false")
		element(b, "serverUrl", fmt.Sprintf("%s/services/Soap/%s/%s/%s", instance, kind, version, org))
		element(b, "sessionId", o.newSession())
		element(b, "userId", o.UserID)
		b.WriteString("<userInfo>")
		o.writeUserInfo(b, o.UserID)
		b.WriteString("</userInfo></result>")
		c.send()
	}
}

// writeUserInfo writes who a user is.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_getuserinfo_getuserinforesult.htm
func (o *Org) writeUserInfo(b *bytes.Buffer, id string) {
	u := o.user(id)
	for _, p := range []struct{ name, value string }{
		{"accessibilityMode", "false"}, {"chatterExternal", "false"}, {"currencySymbol", "$"}, {"orgAttachmentFileSizeLimit", "26214400"},
		{"orgDefaultCurrencyIsoCode", o.opt.Currencies[0]}, {"orgDefaultCurrencyLocale", "en_US"}, {"orgDisallowHtmlAttachments", "false"},
		{"orgHasPersonAccounts", "false"}, {"organizationId", o.OrgID}, {"organizationMultiCurrency", schema.BoolText(o.opt.MultiCurrency)},
		{"organizationName", "Acme"}, {"profileId", store.MakeID("00e", 1)}, {"sessionSecondsValid", strconv.Itoa(int(o.opt.SessionTTL.Seconds()))},
		{"userDefaultCurrencyIsoCode", o.opt.Currencies[0]}, {"userEmail", u.email}, {"userFullName", u.name}, {"userId", u.id},
		{"userLanguage", "en_US"}, {"userLocale", "en_US"}, {"userName", u.username}, {"userTimeZone", u.timezone}, {"userType", "Standard"},
		{"userUiSkin", "Theme3"},
	} {
		element(b, p.name, p.value)
	}
}

// soapUserInfo answers getUserInfo().
func (o *Org) soapUserInfo(c *soapCall) error {
	c.out.WriteString("<result>")
	o.writeUserInfo(c.out, c.session.userID)
	c.out.WriteString("</result>")
	return nil
}

// soapLogout answers logout(): the session is over.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_logout.htm
func (o *Org) soapLogout(c *soapCall) error {
	o.drop(strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer "))
	return nil
}

// soapTimestamp answers getServerTimestamp().
func (o *Org) soapTimestamp(c *soapCall) error {
	c.out.WriteString("<result>")
	element(c.out, "timestamp", soapInstant(schema.DateTimeText(o.Now().Unix())))
	c.out.WriteString("</result>")
	return nil
}

// soapInstant writes an instant as SOAP does, with a Z.
func soapInstant(s string) string {
	if head, ok := strings.CutSuffix(s, "+0000"); ok {
		return head + "Z"
	}
	return s
}
