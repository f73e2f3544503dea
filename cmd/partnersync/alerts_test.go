package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/partnersync/partnersync/sync/alert"
)

// hooks keeps what is posted to it.
type hooks struct {
	mu  sync.Mutex
	got []string
}

func (h *hooks) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var n alert.Notice
	err := json.NewDecoder(r.Body).Decode(&n)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.got = append(h.got, err.Error())
		return
	}
	h.got = append(h.got, n.Event+" "+n.Kind+" "+n.Subject)
}

func (h *hooks) want(t *testing.T, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.got, want) {
		t.Errorf("posted %q, want %q", h.got, want)
	}
	h.got = nil
}

// A run that fails is told once, and that it works again.
func TestWhatARunFindsIsTold(t *testing.T) {
	_, env := withOrg(t)
	h := &hooks{}
	receiver := httptest.NewServer(h)
	defer receiver.Close()
	c := withDatabase(t, append(env, "PARTNERSYNC_ALERTS_WEBHOOK_URL="+receiver.URL+"/hush", "PARTNERSYNC_ALERTS_WEBHOOK_PRIVATE=true")...)

	c.run("alerts", "test").want(t, exitOK, "webhook: sent")
	h.want(t, "test test alerts")
	c.run("alerts").want(t, exitOK, "nothing is wrong")

	broken := &command{t: t, env: append(slices.Clone(c.env), "PARTNERSYNC_SALESFORCE_CLIENT_SECRET=wrong")}
	broken.run("run").want(t, exitAuth, "FAILED: pull failed", "reconcile, accrue, push did not run", "error: ", "hint: ")
	broken.run("run", "pull").want(t, exitAuth)
	h.want(t, "opened failed pull")
	c.run("status").want(t, exitOK, "alert: pull failed since")
	c.run("alerts").want(t, exitOK, "pull failed (alert 1): ", "1 message", "!hush")

	c.run("run", "--output", "json").want(t, exitOK, `"status": "ok"`, `"rows_in": 0`)
	h.want(t, "recovered failed pull")
	receiver.Close()
	c.run("alerts", "test").want(t, exitTryLater, "webhook: not sent", "!hush")
	newCommand(t).run("alerts", "test").want(t, exitInvalid, "nobody to tell", "alerts.webhook_url")
}

// A field that has become another is told until somebody has looked, and no longer: the org
// says it once.
func TestAFieldOfAnotherTypeIsToldUntilSomebodyHasLooked(t *testing.T) {
	_, env := withOrg(t)
	c := withDatabase(t, env...)
	c.run("run", "pull").want(t, exitOK)
	if _, err := databaseOf(t, c).Exec(`update staging.description set described_at = '2026-01-01Z', modified = '', description = (
		select replace(description::text, f.value::text, replace(f.value::text, '"currency"', '"string"'))::json
		from json_array_elements(description->'fields') as f where f.value->>'name' = 'Amount')
		where object = 'Opportunity'`); err != nil {
		t.Fatal(err)
	}
	c.run("run", "pull").want(t, exitProblems, "The field Amount of Opportunity was of type string and is of type currency now")
	c.run("run", "pull").want(t, exitOK)
	c.run("status").want(t, exitOK, "alert: Opportunity.Amount has drifted")
	c.run("alerts").want(t, exitOK, "Opportunity.Amount has drifted (alert 1): ", "`partnersync alerts close`")

	c.run("alerts", "close").want(t, exitInvalid, "wants the number of at least one ALERT")
	c.run("alerts", "close", "Opportunity").want(t, exitInvalid, "is not an alert's number", "hint: ")
	c.run("alerts", "close", "2").want(t, exitFailed, "there is no alert 2")
	c.run("alerts", "close", "1", "--actor", "kim").want(t, exitOK, "1 alert ended")
	c.run("alerts").want(t, exitOK, " by kim", "!has drifted (alert 1)")
	c.run("run", "pull").want(t, exitOK)
	c.run("status").want(t, exitOK, "!alert: ")
}

// At the reserve nothing is done, nothing fails, and everybody is told.
func TestARunThatIsPutOffSaysSo(t *testing.T) {
	org, env := withOrg(t)
	c := withDatabase(t, env...)
	c.run("run", "pull").want(t, exitOK, "ALL WENT WELL: 1 stage", "requests to Salesforce", "REQUESTS")
	org.SetUsage(1 << 20)
	c.run("run", "pull").want(t, exitTryLater, "PUT OFF: pull", "deferred", "hint: nothing is lost")
	var status statusDocument
	c.run("status", "--output", "json").document(t, &status)
	if len(status.Objects) == 0 || status.Objects[0].ReadTo.IsZero() || len(status.Quota.Jobs) != 1 || len(status.Alerts) != 1 || status.Alerts[0].Kind != alert.Quota {
		t.Errorf("%+v", status)
	}
	c.run("status").want(t, exitOK, "READ TO", "AGE", "in 24 hours", "alert: pull is put off")
}
