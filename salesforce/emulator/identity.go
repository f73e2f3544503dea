package emulator

import (
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/internal/sfid"
)

// user is what logins and identity answers tell of a user.
type user struct {
	id, username, email, alias, first, last, name, timezone string
	modified                                                string
}

// user reads the record of a session's user.
func (o *Org) user(id string) user {
	u := user{id: id, username: o.opt.Username, email: o.opt.Username, name: "Integration User", timezone: "GMT"}
	t, ok := o.Tables["User"]
	if !ok {
		return u
	}
	o.RLock()
	defer o.RUnlock()
	r := t.ByID[id]
	if r == nil {
		return u
	}
	text := func(name string) string { return r.Text(t.Object, name) }
	return user{id: id, username: text("Username"), email: text("Email"), alias: text("Alias"), first: text("FirstName"), last: text("LastName"),
		name: text("Name"), timezone: text("TimeZoneSidKey"), modified: text("LastModifiedDate")}
}

// userURLs are the addresses of the org's APIs, with {version} in the place of
// the version.
func (o *Org) userURLs(instance string) map[string]string {
	org := o.OrgID[:15]
	data := instance + "/services/data/v{version}/"
	return map[string]string{
		"enterprise": instance + "/services/Soap/c/{version}/" + org, "metadata": instance + "/services/Soap/m/{version}/" + org,
		"partner": instance + "/services/Soap/u/{version}/" + org, "rest": data, "sobjects": data + "sobjects/", "search": data + "search/",
		"query": data + "query/", "recent": data + "recent/", "tooling_soap": instance + "/services/Soap/T/{version}/" + org,
		"tooling_rest": data + "tooling/", "custom_domain": instance,
	}
}

// userinfo tells who the session's user is.
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm
func (o *Org) userinfo(w http.ResponseWriter, r *http.Request) {
	s, ok := o.identify(w, r)
	if !ok {
		return
	}
	instance, u := o.instanceURL(r), o.user(s.userID)
	writeJSON(w, http.StatusOK, map[string]any{
		"sub": instance + "/id/" + o.OrgID + "/" + u.id, "user_id": u.id, "organization_id": o.OrgID,
		"preferred_username": u.username, "nickname": u.alias, "name": u.name, "given_name": u.first, "family_name": u.last,
		"email": u.email, "email_verified": true, "zoneinfo": u.timezone, "user_type": "STANDARD", "updated_at": u.modified,
		"profile": instance + "/" + u.id, "active": true, "language": "en_US", "locale": "en_US", "utcOffset": 0,
		"is_app_installed": true, "urls": o.userURLs(instance),
	})
}

// identity answers /id/ORG/USER, the address that a login gives.
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_openid.htm
func (o *Org) identity(w http.ResponseWriter, r *http.Request) {
	s, ok := o.identify(w, r)
	if !ok {
		return
	}
	segments := splitPath(r.URL.Path)
	org, orgErr := sfid.Parse(segments[1])
	id, idErr := sfid.Parse(segments[2])
	if orgErr != nil || idErr != nil || org != o.OrgID {
		plain(w, http.StatusForbidden, "Wrong_Org")
		return
	}
	if id != s.userID {
		plain(w, http.StatusForbidden, "Bad_Id")
		return
	}
	instance, u := o.instanceURL(r), o.user(s.userID)
	writeJSON(w, http.StatusOK, map[string]any{
		"id": instance + "/id/" + o.OrgID + "/" + u.id, "asserted_user": true, "user_id": u.id, "organization_id": o.OrgID,
		"username": u.username, "nick_name": u.alias, "display_name": u.name, "email": u.email, "email_verified": true,
		"first_name": nullable(u.first), "last_name": u.last, "timezone": u.timezone, "mobile_phone": nil, "mobile_phone_verified": false,
		"addr_street": nil, "addr_city": nil, "addr_state": nil, "addr_country": nil, "addr_zip": nil, "is_lightning_login_user": false,
		"status": map[string]any{"created_date": nil, "body": nil}, "urls": o.userURLs(instance), "active": true, "user_type": "STANDARD",
		"language": "en_US", "locale": "en_US", "utcOffset": 0, "last_modified_date": u.modified, "is_app_installed": true,
	})
}

// identify finds the session of a request to an identity address: its token may
// also be a parameter. Without one it answers as these addresses do, in a plain
// word.
func (o *Org) identify(w http.ResponseWriter, r *http.Request) (*session, bool) {
	if t := r.URL.Query().Get("oauth_token"); t != "" && r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+t)
	}
	word := "Bad_OAuth_Token"
	if r.Header.Get("Authorization") == "" {
		word = "Missing_OAuth_Token"
	}
	s, err := o.authorize(r)
	if err != nil {
		plain(w, http.StatusForbidden, word)
		return nil, false
	}
	return s, true
}

// plain answers with one word.
func plain(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	w.WriteHeader(status)
	w.Write([]byte(word)) //nolint:errcheck // see writeJSON
}

// revoke ends a session, or makes a refresh token void.
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_revoke_token.htm
func (o *Org) revoke(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || !o.drop(r.Form.Get("token")) {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_token", "error_description": "invalid token"})
		return
	}
	w.WriteHeader(http.StatusOK)
}

// drop forgets a token and says whether it was one.
func (o *Org) drop(token string) bool {
	o.access.mu.Lock()
	defer o.access.mu.Unlock()
	_, isSession := o.access.sessions[token]
	isRefresh := o.access.refresh[token]
	delete(o.access.sessions, token)
	delete(o.access.refresh, token)
	return isSession || isRefresh
}

// introspect tells a client what a token is good for.
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oidc_token_introspection.htm
func (o *Org) introspect(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "must use HTTP POST"})
		return
	}
	if err := o.checkClient(r, true); err != nil {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "invalid client credentials"})
		return
	}
	token := r.PostForm.Get("token")
	out := map[string]any{"active": false}
	o.access.mu.Lock()
	s := o.access.sessions[token]
	isRefresh := o.access.refresh[token]
	now := o.opt.Clock.Now()
	if s != nil && now.Before(s.expires) || isRefresh {
		out = map[string]any{"active": true, "scope": "api refresh_token", "client_id": o.opt.ClientID, "username": o.opt.Username,
			"sub": o.instanceURL(r) + "/id/" + o.OrgID + "/" + o.UserID, "token_type": "refresh_token"}
	}
	if s != nil && out["active"] == true {
		out["token_type"], out["exp"], out["iat"] = "access_token", s.expires.Unix(), s.expires.Add(-o.opt.SessionTTL).Unix()
		out["nbf"] = out["iat"]
	}
	o.access.mu.Unlock()
	writeJSON(w, http.StatusOK, out)
}

// identityURL is the address that tells of a session's user.
func (o *Org) identityURL(c *call) string {
	return strings.TrimRight(o.instanceURL(c.r), "/") + "/id/" + o.OrgID + "/" + c.session.userID
}
