package salesforce

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseUsageReadsTheKeysNotTheLine(t *testing.T) {
	for header, want := range map[string]Usage{
		"api-usage=18/5000": {Daily: Quota{18, 5000}},
		"api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)":          {Daily: Quota{25, 5000}, App: Quota{17, 250}, AppName: "sample-connected-app"},
		"api-usage=10018/100000; api-bursts=1/750":                                           {Daily: Quota{10018, 100000}, Bursts: Quota{1, 750}},
		"per-app-api-usage=17/250(appName=a; b, (c)=1/2), API-Usage = 25 / 5000 ;x=1/2;junk": {Daily: Quota{25, 5000}, App: Quota{17, 250}, AppName: "a; b, (c)=1/2"},
		"api-usage=100/100(over)": {Daily: Quota{100, 100}},
	} {
		got, ok := ParseUsage(header)
		if !ok || !cmp.Equal(want, got) {
			t.Errorf("%s: %v %s", header, ok, cmp.Diff(want, got))
		}
	}
	for _, header := range []string{"", "api-usage", "api-usage=", "api-usage=1", "api-usage=-1/5", "api-usage=1/x", "xapi-usage=1/2", "api-usage=99999999999/5", "(api-usage=1/2"} {
		if got, ok := ParseUsage(header); ok {
			t.Errorf("%q is read as %v", header, got)
		}
	}
}

func TestUsageIsTheLatestThatTheOrgSaidEvenInARefusal(t *testing.T) {
	at := func(usage, date string) reply {
		return reply{body: `{}`, header: map[string]string{"Sforce-Limit-Info": "api-usage=" + usage, "Date": date}}
	}
	o := newOrg(t, nil)
	c := o.client(t)
	if u := c.Usage(); u != (Usage{}) {
		t.Errorf("before anything was heard: %v", u)
	}
	for _, step := range []struct {
		answer reply
		want   int
	}{
		{at("7/100", "Fri, 20 Nov 2026 12:00:05 GMT"), 7},
		{at("6/100", "Fri, 20 Nov 2026 12:00:04 GMT"), 7}, // An answer that was overtaken.
		{reply{status: 403, body: `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`,
			header: map[string]string{"Sforce-Limit-Info": "api-usage=100/100", "Date": "Fri, 20 Nov 2026 12:00:06 GMT"}}, 100},
		{reply{body: `{}`}, 100},
	} {
		o.answer = replies(step.answer)
		if _, err := c.Limits(t.Context()); err != nil && ClassOf(err) != ClassDefer {
			t.Fatal(err)
		}
		if got := c.Usage().Daily; got.Used != step.want || got.Max != 100 {
			t.Errorf("usage %v, want %d", got, step.want)
		}
	}
	if got := c.Usage().At; !got.Equal(time.Date(2026, 11, 20, 12, 0, 6, 0, time.UTC)) {
		t.Error(got)
	}
}

func TestLimitsReadsTheLimitsAndPassesOverWhatIsNestedInThem(t *testing.T) {
	o := newOrg(t, replies(reply{body: `{"DailyApiRequests":{"Max":15000,"Remaining":14998,"An App":{"Max":0,"Remaining":0}},"DataStorageMB":{"Max":5,"Remaining":4}}`}))
	got, err := o.client(t).Limits(t.Context())
	want := map[string]Limit{"DailyApiRequests": {15000, 14998}, "DataStorageMB": {5, 4}}
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
}

func TestServerTimeIsTheOrgsClock(t *testing.T) {
	o := newOrg(t, replies(reply{body: `[{"version":"62.0"}]`, header: map[string]string{"Date": "Fri, 20 Nov 2026 12:00:05 GMT"}}))
	got, err := o.client(t).ServerTime(t.Context())
	if want := time.Date(2026, 11, 20, 12, 0, 5, 0, time.UTC); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	o.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil // Which keeps net/http from setting it.
		reply{body: `[]`}.send(w)
	}
	if _, err := o.client(t).ServerTime(t.Context()); err == nil {
		t.Error("an answer without a date gives a time")
	}
}

func FuzzParseUsage(f *testing.F) {
	for _, seed := range []string{"", "api-usage=18/5000", "api-usage=25/5000; per-app-api-usage=17/250(appName=sample)", "api-usage=1/2;api-bursts=1/750",
		"((;))", "per-app-api-usage=1/2(appName=", "=;=/,", "api-usage=\xff/1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		u, ok := ParseUsage(header)
		for _, q := range []Quota{u.Daily, u.Bursts, u.App} {
			if q.Used < 0 || q.Max < 0 {
				t.Fatalf("%q: %v", header, u)
			}
		}
		if !ok && u.Daily != (Quota{}) {
			t.Fatalf("%q: a quota that was not there: %v", header, u)
		}
	})
}
