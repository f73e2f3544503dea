package ledger

import (
	"strings"
	"testing"
)

func TestR1_4_PublicMailDomains(t *testing.T) {
	for d := range strings.FieldsSeq(`gmail.com googlemail.com outlook.com outlook.fr hotmail.com hotmail.co.uk live.com
		live.nl yahoo.com yahoo.co.jp yahoo.com.br icloud.com me.com aol.com gmx.net gmx.de web.de mail.ru yandex.ru
		yandex.com.tr qq.com 163.com 126.com naver.com daum.net proton.me protonmail.com zoho.com fastmail.com free.fr
		orange.fr laposte.net libero.it t-online.de comcast.net rediffmail.com GMAIL.COM`) {
		if !IsPublicMailDomain(d) {
			t.Errorf("%s is no public mail domain", d)
		}
	}
	for _, d := range []string{"", "client.example", "microsoft.com", "apple.com", "mygmail.com", "gmail.com.evil.example", "com", "live.example"} {
		if IsPublicMailDomain(d) {
			t.Errorf("%q is a public mail domain", d)
		}
	}
}

// TestMailDomainsAreRegistrable: a line that is not what RegistrableDomain gives
// could never be met; so could one that is there twice.
func TestMailDomainsAreRegistrable(t *testing.T) {
	seen, last, n := map[string]bool{}, "", 0
	for line := range strings.Lines(mailDomainList) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			last = ""
			continue
		}
		n++
		if seen[line] || line <= last {
			t.Errorf("%s is there twice, or out of order", line)
		}
		seen[line], last = true, line
		if name, isName := strings.CutSuffix(line, ".*"); isName {
			line = name + ".com"
		}
		if got := RegistrableDomain("https://www." + line + "/x"); got != line {
			t.Errorf("%s: its registrable domain is %q", line, got)
		}
	}
	if n < 300 {
		t.Errorf("%d lines", n)
	}
}
