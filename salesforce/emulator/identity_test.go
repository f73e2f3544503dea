package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestTheResourcesOfAVersion(t *testing.T) {
	c := newClient(t, emulator.Options{})
	resources := got[map[string]string](t, 200, c, "GET", "/services/data/v62.0/", "")
	for _, name := range []string{"sobjects", "query", "queryAll", "limits", "composite", "recent"} {
		if resources[name] != "/services/data/v62.0/"+name {
			t.Errorf("%s is at %q", name, resources[name])
		}
		if name != "composite" && !strings.HasPrefix(name, "query") {
			if status, body, _ := c.do("GET", resources[name], ""); status != 200 {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
	}
	id := got[map[string]any](t, 200, c, "GET", strings.TrimPrefix(resources["identity"], c.url), "")
	if id["user_id"] != c.org.UserID || id["organization_id"] != c.org.OrgID || id["username"] != emulator.DemoUsername || id["id"] != resources["identity"] {
		t.Errorf("identity: %v", id)
	}
}

func TestIdentityWantsTheTokensOwnUser(t *testing.T) {
	c := newClient(t, emulator.Options{})
	path := "/id/" + c.org.OrgID + "/" + c.org.UserID
	token := c.token
	for _, tt := range []struct {
		path, token string
		status      int
		body        string
	}{
		{path, token, 200, `"user_type":"STANDARD"`},
		{path[:len(path)-3], token, 200, ""},
		{path + "?format=json&oauth_token=" + url.QueryEscape(token), "", 200, ""},
		{path, "wrong", 403, "Bad_OAuth_Token"},
		{"/id/00D5g0000zzzzzzAAA/" + c.org.UserID, token, 403, "Wrong_Org"},
		{"/id/" + c.org.OrgID + "/0055g0000zzzzzzAAA", token, 403, "Bad_Id"},
	} {
		header := []string{"Authorization", "Bearer " + tt.token}
		if tt.token == "" {
			header[1] = ""
		}
		if status, body, _ := c.do("GET", tt.path, "", header...); status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s: %d %s", tt.path, status, body)
		}
	}
	if status, body, _ := c.do("GET", path, "", "Authorization", ""); status != 403 || body != "Missing_OAuth_Token" {
		t.Errorf("without a token: %d %s", status, body)
	}
}

func TestTokensAreIntrospectedAndRevoked(t *testing.T) {
	c := newClient(t, emulator.Options{})
	post := func(path string, form url.Values) (int, map[string]any) {
		t.Helper()
		r, err := http.PostForm(c.url+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		out := map[string]any{}
		if b, _ := io.ReadAll(r.Body); len(b) > 0 {
			if err := json.Unmarshal(b, &out); err != nil {
				t.Fatal(err)
			}
		}
		return r.StatusCode, out
	}
	ask := url.Values{"token": {c.token}, "client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}}
	if status, out := post("/services/oauth2/introspect", ask); status != 200 || out["active"] != true || out["username"] != emulator.DemoUsername || out["exp"] != float64(noon.Unix()+7200) {
		t.Errorf("a good token: %d %v", status, out)
	}
	if status, out := post("/services/oauth2/introspect", url.Values{"token": {c.token}}); status != 401 || out["error"] != "invalid_client" {
		t.Errorf("without a client: %d %v", status, out)
	}
	if status, _ := post("/services/oauth2/revoke", url.Values{"token": {c.token}}); status != 200 {
		t.Errorf("revoke: %d", status)
	}
	c.refused(401, "INVALID_SESSION_ID", "GET", "limits", "")
	if _, out := post("/services/oauth2/introspect", ask); out["active"] != false {
		t.Errorf("a revoked token: %v", out)
	}
	if status, out := post("/services/oauth2/revoke", url.Values{"token": {c.token}}); status != 400 || out["error"] != "invalid_token" {
		t.Errorf("revoked twice: %d %v", status, out)
	}
}
