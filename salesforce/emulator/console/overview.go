package console

import (
	"net/http"
	"strings"
)

// overviewPage is the first page.
type overviewPage struct {
	Name, ID  string
	HasRecord bool // the organization is a record of its own
	About     About
	Groups    []group
	Recent    []requestLine
	Snippets  []snippet
}

// snippet is a text to copy.
type snippet struct{ Title, Note, Text string }

// recentRequests is how many requests the first page shows.
const recentRequests = 8

func (s *site) overview(w http.ResponseWriter, r *http.Request) {
	rd := newReader(s.org.Data())
	p := overviewPage{About: s.org.About(r), ID: rd.st.OrgID}
	p.Name = rd.orgName()
	rd.st.RLock()
	p.Groups = rd.groups()
	_, own := rd.find(p.ID)
	p.HasRecord = own != nil
	rd.st.RUnlock()
	log := s.org.Log()
	p.Recent = requestLines(log[:min(recentRequests, len(log))], s.org.Now())
	p.Snippets = snippets(p.About)
	s.show(w, http.StatusOK, "overview", view{Title: "Overview", Here: "overview", Page: p})
}

// snippets are the ways to connect. What they hold opens nothing but an emulator.
// The way to a token without a secret's round trip through a browser is the
// client credentials flow:
// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm
func snippets(a About) []snippet {
	fill := strings.NewReplacer("{url}", a.URL, "{id}", a.ClientID, "{secret}", a.ClientSecret,
		"{user}", a.Username, "{password}", a.Password, "{token}", a.SecurityToken, "{version}", a.Version).Replace
	return []snippet{
		{"Salesforce CLI", "", fill(`export SF_ACCESS_TOKEN=$(curl -s {url}/services/oauth2/token -d grant_type=client_credentials \
  -d client_id={id} -d client_secret={secret} | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
sf org login access-token --instance-url {url} --alias desk --no-prompt
sf data query --target-org desk --query "SELECT Id, Name FROM Account LIMIT 5"`)},
		{"jsforce", "", fill(`import jsforce from 'jsforce';
const org = new jsforce.Connection({
  instanceUrl: '{url}',
  oauth2: { loginUrl: '{url}', clientId: '{id}', clientSecret: '{secret}' },
});
await org.authorize({ grant_type: 'client_credentials' });
console.log(await org.query('SELECT Id, Name FROM Account LIMIT 5'));`)},
		{"Partnersync", "In partnersync.yaml; then partnersync doctor.", fill(`salesforce:
  login_url: {url}
  client_id: {id}
  client_secret: {secret}`)},
		{"curl", "", fill(`TOKEN=$(curl -s {url}/services/oauth2/token -d grant_type=client_credentials \
  -d client_id={id} -d client_secret={secret} | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sG {url}/services/data/v{version}/query -H "Authorization: Bearer $TOKEN" \
  --data-urlencode "q=SELECT Id, Name FROM Account LIMIT 5"`)},
	}
}
