package ledger

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed maildomains.txt
var mailDomainList string

// mailDomains are the lines of the list: whole domains, and names that stand for
// themselves under any public suffix.
var mailDomains = sync.OnceValue(func() (m struct{ domains, names map[string]bool }) {
	m.domains, m.names = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(mailDomainList) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, isName := strings.CutSuffix(line, ".*"); isName {
			m.names[name] = true
		} else {
			m.domains[line] = true
		}
	}
	return m
})

// IsPublicMailDomain says whether anybody can have an e-mail address under a
// domain, so that it never identifies a customer (R1.4) nor makes two
// registrations of it one customer's (R5.4). domain is a registrable domain in
// ASCII, as RegistrableDomain gives it; of gmx.net and gmx.co.uk both count.
func IsPublicMailDomain(domain string) bool {
	domain = strings.ToLower(domain)
	name, _, _ := strings.Cut(domain, ".")
	known := mailDomains()
	return known.domains[domain] || known.names[name]
}
