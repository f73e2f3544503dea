package alert

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

// post is a mail server: as much of SMTP as a client needs.
// https://www.rfc-editor.org/rfc/rfc5321
type post struct {
	t        *testing.T
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool
	noTLS    bool // it does not offer STARTTLS
	implicit bool // the connection is private from the start
	wg       sync.WaitGroup

	mu     sync.Mutex
	to     []string
	data   string
	wasTLS bool
	auth   string
}

func newPost(t *testing.T, change func(*post)) *post {
	t.Helper()
	p := &post{t: t}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	p.roots = x509.NewCertPool()
	p.roots.AddCert(must(x509.ParseCertificate(der)))
	p.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	if change != nil {
		change(p)
	}
	p.listener = must(net.Listen("tcp", "127.0.0.1:0"))
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.wg.Wait()
	})
	return p
}

func (p *post) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() {
			defer c.Close()
			if p.implicit {
				c = tls.Server(c, p.tls)
			}
			p.serve(c, p.implicit)
		})
	}
}

func (p *post) serve(c net.Conn, isPrivate bool) {
	r := bufio.NewReader(c)
	say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
	say("220 post ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		p.mu.Lock()
		switch strings.ToUpper(verb) {
		case "EHLO":
			if p.noTLS || isPrivate {
				say("250-post\r\n250 AUTH PLAIN")
			} else {
				say("250-post\r\n250 STARTTLS")
			}
		case "STARTTLS":
			say("220 go on")
			c = tls.Server(c, p.tls)
			r, isPrivate = bufio.NewReader(c), true
		case "AUTH":
			_, secret, _ := strings.Cut(rest, " ")
			plain, _ := base64.StdEncoding.DecodeString(secret)
			p.auth = string(plain)
			if strings.HasSuffix(p.auth, "wrong") {
				say("535 5.7.8 no: " + p.auth)
			} else {
				say("235 welcome")
			}
		case "RCPT":
			p.to = append(p.to, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			p.data, p.wasTLS = "", isPrivate
			for line, _ := r.ReadString('\n'); line != ".\r\n" && line != ""; line, _ = r.ReadString('\n') {
				p.data += line
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			p.mu.Unlock()
			return
		default:
			say("250 ok")
		}
		p.mu.Unlock()
	}
}

func (p *post) config() MailConfig {
	return MailConfig{From: "Partnersync <sync@acme.example>", To: []string{"ann@acme.example", "bob@acme.example"}, Server: p.listener.Addr().String(),
		TLS: STARTTLS, User: "sync", Password: "hush-hush", tls: &tls.Config{RootCAs: p.roots, ServerName: "127.0.0.1"}}
}

func TestANoticeIsMailedToEverybodyOverAPrivateConnection(t *testing.T) {
	for _, way := range []string{STARTTLS, TLS} {
		p := newPost(t, func(p *post) { p.implicit = way == TLS })
		c := p.config()
		c.TLS = way
		m, err := NewMail(c)
		if err != nil {
			t.Fatal(err)
		}
		n := Notice{ID: "alert-1-2", Event: EventOpened, Kind: Failed, Subject: "pull", Alert: 1, Title: "pull failed", Text: "Zurückgewiesen.", OpenedAt: noon, At: noon}
		if err := m.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		text := string(must(io.ReadAll(quotedprintable.NewReader(strings.NewReader(p.data)))))
		if !p.wasTLS || p.auth != "\x00sync\x00hush-hush" || len(p.to) != 2 {
			t.Errorf("%s: private %t, login %q, to %q", way, p.wasTLS, p.auth, p.to)
		}
		for _, want := range []string{"Subject: Partnersync: pull failed\r\n", "Message-ID: <alert-1-2@acme.example>", "Auto-Submitted: auto-generated", "Date: Fri, 20 Nov 2026 12:00:00", "Zurückgewiesen."} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the mail lacks %q:\n%s", way, want, text)
			}
		}
		p.mu.Unlock()
	}
}

func TestAMailIsNotSentInTheOpenAndTellsNoSecret(t *testing.T) {
	p := newPost(t, func(p *post) { p.noTLS = true })
	m := must(NewMail(p.config()))
	if err := m.Send(t.Context(), TestNotice("", noon)); err == nil || p.auth != "" || p.data != "" {
		t.Errorf("without STARTTLS it is sent all the same: %v", err)
	}
	p = newPost(t, nil)
	c := p.config()
	c.Password = "hush-wrong"
	if err := must(NewMail(c)).Send(t.Context(), TestNotice("", noon)); err == nil || strings.Contains(err.Error(), "hush") || errs.KindOf(err) != errs.Transient {
		t.Errorf("refused: %v", err)
	}
	c = p.config()
	c.tls = nil // nobody vouches for the server
	if err := must(NewMail(c)).Send(t.Context(), TestNotice("", noon)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for is trusted: %v", err)
	}
}

func TestMailSettingsThatCannotWorkAreRefused(t *testing.T) {
	good := MailConfig{From: "a@b.example", To: []string{"c@d.example"}, Server: "mail.example:587", TLS: STARTTLS}
	for i, change := range []func(*MailConfig){
		func(c *MailConfig) { c.Server = "mail.example" }, func(c *MailConfig) { c.Server = ":25" }, func(c *MailConfig) { c.From = "a" },
		func(c *MailConfig) { c.To = []string{"c@d.example", ""} }, func(c *MailConfig) { c.TLS, c.User = NoTLS, "u" },
	} {
		c := good
		change(&c)
		if _, err := NewMail(c); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := NewMail(good); err != nil {
		t.Error(err)
	}
}
