package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/partnersync/partnersync/internal/errs"
)

// The ways to keep a mail from being read on its way.
const (
	STARTTLS = "starttls" // the connection is made private after it is opened, or not used
	TLS      = "tls"      // it is private from the start
	NoTLS    = "none"     // for a server on this machine
)

// MailConfig says how to send notices by e-mail.
type MailConfig struct {
	From string
	To   []string
	// Server is host:port.
	Server string
	// TLS is STARTTLS, TLS or NoTLS.
	TLS string
	// User and Password log in; without a user nobody does.
	User, Password string

	// tls, if not nil, is instead of the machine's certificate authorities.
	tls *tls.Config
}

// Mail sends notices by SMTP.
type Mail struct {
	MailConfig
	host    string
	options []gomail.Option
}

// mechanisms are the ways to log in, the better ones first. Those that show the password
// are refused by themselves where the connection is not private.
var mechanisms = []gomail.SMTPAuthType{
	gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5,
}

// NewMail checks the settings. It opens nothing. The error is errs.Invalid.
func NewMail(c MailConfig) (*Mail, error) {
	host, portText, err := net.SplitHostPort(c.Server)
	port, portErr := strconv.Atoi(portText)
	if err != nil || portErr != nil || host == "" {
		return nil, errs.New(errs.Invalid, "%q is not the host:port of a mail server", c.Server)
	}
	for _, a := range append([]string{c.From}, c.To...) {
		if _, err := mail.ParseAddress(a); err != nil {
			return nil, errs.New(errs.Invalid, "%q is not an e-mail address", a)
		}
	}
	m := &Mail{MailConfig: c, host: host, options: []gomail.Option{gomail.WithPort(port), gomail.WithTimeout(sendWithin), gomail.WithoutNoop()}}
	if m.tls == nil {
		m.tls = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	m.options = append(m.options, gomail.WithTLSConfig(m.tls))
	switch c.TLS {
	case TLS:
		m.options = append(m.options, gomail.WithSSL())
	case NoTLS:
		if c.User != "" && !isLoopback(host) {
			return nil, errs.New(errs.Invalid, "the password of %s would be sent unencrypted", c.User)
		}
		m.options = append(m.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		m.options = append(m.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.User != "" {
		m.options = append(m.options, gomail.WithOpportunisticSMTPAuth(mechanisms...), gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
	}
	if _, err := gomail.NewClient(host, m.options...); err != nil {
		return nil, errs.New(errs.Invalid, "mail by %s: %w", host, err)
	}
	return m, nil
}

// dial opens a connection of which the caller keeps hold: the library forgets to close one
// that it gives up before the login is done.
func (m *Mail) dial(ctx context.Context, network, address string, opened *net.Conn) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialWithin}
	var c net.Conn
	var err error
	if m.TLS == TLS {
		c, err = (&tls.Dialer{NetDialer: dialer, Config: m.tls}).DialContext(ctx, network, address)
	} else {
		c, err = dialer.DialContext(ctx, network, address)
	}
	if err == nil {
		*opened = c
	}
	return c, err
}

// Name is "mail".
func (*Mail) Name() string { return "mail" }

// Send sends a notice to everybody at once. The error names the server, and no secret.
func (m *Mail) Send(ctx context.Context, n Notice) (err error) {
	defer errs.Wrap(&err, "mail by %s", m.Server)
	msg := gomail.NewMsg()
	if err := msg.From(m.From); err != nil {
		return err
	}
	if err := msg.To(m.To...); err != nil {
		return err
	}
	msg.Subject(n.Headline())
	msg.SetDateWithValue(n.At)
	msg.SetMessageIDWithValue(n.ID + "@" + m.domain())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // nobody is out of office for a machine
	msg.SetBodyString(gomail.TypeTextPlain, n.Letter())
	var opened net.Conn
	client, err := gomail.NewClient(m.host, append(slices.Clip(m.options), gomail.WithDialContextFunc(
		func(ctx context.Context, network, address string) (net.Conn, error) {
			return m.dial(ctx, network, address, &opened)
		}))...)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if opened != nil {
		if e := opened.Close(); err == nil && e != nil && !errors.Is(e, net.ErrClosed) {
			err = e
		}
	}
	if err != nil {
		text := err.Error()
		if m.Password != "" {
			text = strings.ReplaceAll(text, m.Password, "•••")
		}
		return errs.New(errs.Transient, "%s", oneLine(text))
	}
	return nil
}

// domain is that of the sender.
func (m *Mail) domain() string {
	a, err := mail.ParseAddress(m.From)
	if err != nil {
		return "partnersync.invalid"
	}
	_, domain, _ := strings.Cut(a.Address, "@")
	return domain
}
