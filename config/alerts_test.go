package config

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/sync/stage"
)

func TestWhatIsWrongWithQuotaAndAlertsIsToldAtOnceAndWithoutSecrets(t *testing.T) {
	_, err := Load(write(t, "p.yaml", `
salesforce: {quota: {reserve: 120%, pull: lots}}
alerts: {webhook_url: "https://10.0.0.1/hush", mail_to: "ann@acme.example, bob", smtp_tls: ssl, remind_after: 0s}
`), nil)
	if err == nil {
		t.Fatal("it loads")
	}
	for _, want := range []string{"salesforce.quota.reserve", "salesforce.quota.pull", "alerts.webhook_url", "alerts.webhook_private: true",
		"alerts.mail_from: is missing", "alerts.smtp_server: is missing", "alerts.smtp_tls", "alerts.remind_after"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(strings.ReplaceAll(err.Error(), "webhook_url: \"https://10.0.0.1/hush\"", ""), "hush") {
		t.Errorf("it tells a secret: %v", err)
	}
	t.Log(err)
}

func TestAlertsHaveTheChannelsThatAreStated(t *testing.T) {
	if c, err := Default().Alerts.Channels(clock.System{}); err != nil || len(c) != 0 {
		t.Errorf("without settings: %v, %v", c, err)
	}
	c, err := Load(write(t, "p.yaml", `
alerts: {webhook_url: "https://hooks.acme.example/hush", webhook_secret: hush, mail_to: "ann@acme.example, bob@acme.example", mail_from: s@acme.example, smtp_server: "smtp.acme.example:587"}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	channels, err := c.Alerts.Channels(clock.System{})
	if err != nil || len(channels) != 2 || len(c.Alerts.Recipients()) != 2 {
		t.Errorf("%v, %v", channels, err)
	}
	for _, s := range c.Redacted() {
		if strings.Contains(s.Value, "hush") {
			t.Errorf("%s prints as %s", s.Key, s.Value)
		}
	}
}

func TestTheQuotaIsAFifthForOthersUnlessSaidOtherwise(t *testing.T) {
	c := Default()
	c.Salesforce.Quota.Push = "300"
	p, err := c.Salesforce.Quota.Policy()
	if err != nil || p.Reserve.Of(1000) != 200 || p.Band.Of(1000) != 100 || p.Jobs[stage.Push].Of(1000) != 300 || p.Jobs[stage.Pull].IsStated() {
		t.Errorf("%+v, %v", p, err)
	}
}
