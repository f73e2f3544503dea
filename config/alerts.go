package config

import (
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/sync/alert"
)

// Alerts say whom to tell of what goes wrong, and how. A webhook needs its URL, an e-mail
// its recipients, sender and server; without either, alerts are kept and told nobody.
type Alerts struct {
	// WebhookURL is where alerts are posted. Its path or query is often a secret.
	WebhookURL     Secret `yaml:"webhook_url" env:"WEBHOOK_URL"`
	WebhookURLFile string `yaml:"webhook_url_file" env:"WEBHOOK_URL_FILE"`
	// WebhookSecret signs what is posted.
	WebhookSecret     Secret `yaml:"webhook_secret" env:"WEBHOOK_SECRET"`
	WebhookSecretFile string `yaml:"webhook_secret_file" env:"WEBHOOK_SECRET_FILE"`
	// WebhookPrivate allows a webhook on this machine or in a private network.
	WebhookPrivate bool `yaml:"webhook_private" env:"WEBHOOK_PRIVATE"`
	// MailTo are addresses, separated by commas.
	MailTo   string `yaml:"mail_to" env:"MAIL_TO"`
	MailFrom string `yaml:"mail_from" env:"MAIL_FROM"`
	// SMTPServer is host:port.
	SMTPServer string `yaml:"smtp_server" env:"SMTP_SERVER"`
	// SMTPTLS is starttls, tls or none.
	SMTPTLS          string `yaml:"smtp_tls" env:"SMTP_TLS"`
	SMTPUser         string `yaml:"smtp_user" env:"SMTP_USER"`
	SMTPPassword     Secret `yaml:"smtp_password" env:"SMTP_PASSWORD"`
	SMTPPasswordFile string `yaml:"smtp_password_file" env:"SMTP_PASSWORD_FILE"`
	// RemindAfter is after how long an alert that is still open is told again.
	RemindAfter time.Duration `yaml:"remind_after" env:"REMIND_AFTER"`
	// LateAfter is how late a job may begin or end before it is called late.
	LateAfter time.Duration `yaml:"late_after" env:"LATE_AFTER"`
}

// Recipients are the addresses in MailTo, one by one.
func (a Alerts) Recipients() []string {
	var out []string
	for part := range strings.SplitSeq(a.MailTo, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// mails says whether anybody is to be told by e-mail.
func (a Alerts) mails() bool { return a.MailTo != "" }

// Channels makes the channels that the settings name. They open nothing.
func (a Alerts) Channels(c clock.Clock) ([]alert.Channel, error) {
	var out []alert.Channel
	if !a.WebhookURL.IsZero() {
		w, err := alert.NewWebhook(a.webhook(c))
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	if a.mails() {
		m, err := alert.NewMail(a.mail())
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (a Alerts) webhook(c clock.Clock) alert.WebhookConfig {
	return alert.WebhookConfig{URL: a.WebhookURL.Reveal(), Secret: a.WebhookSecret.Reveal(), Private: a.WebhookPrivate, Clock: c}
}

func (a Alerts) mail() alert.MailConfig {
	return alert.MailConfig{
		From: a.MailFrom, To: a.Recipients(), Server: a.SMTPServer, TLS: a.SMTPTLS, User: a.SMTPUser, Password: a.SMTPPassword.Reveal(),
	}
}

func (v *validation) alerts() {
	a := v.config.Alerts
	v.oneOf("alerts.smtp_tls", a.SMTPTLS, alert.STARTTLS, alert.TLS, alert.NoTLS)
	if !a.WebhookURL.IsZero() {
		if _, err := alert.NewWebhook(a.webhook(clock.System{})); err != nil {
			v.add("alerts.webhook_url", "%s", faultOf(err))
		}
	} else if !a.WebhookSecret.IsZero() && a.WebhookURLFile == "" {
		v.add("alerts.webhook_secret", "signs nothing, because alerts.webhook_url is missing")
	}
	if !a.mails() {
		return
	}
	missing := false
	for key, value := range map[string]string{"alerts.mail_from": a.MailFrom, "alerts.smtp_server": a.SMTPServer} {
		if value == "" {
			missing = true
			v.add(key, "is missing; alerts.mail_to needs it")
		}
	}
	if missing {
		return
	}
	if _, err := alert.NewMail(a.mail()); err != nil {
		v.add("alerts.mail_to", "%s", faultOf(err))
	}
}
