package company

import (
	"fmt"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// partnerFirm is a partner as the org knows it: its users and its own Space.
type partnerFirm struct {
	id    string // Partner ID
	users []string
	space *store.Record
	since time.Time
}

var (
	staffNames = [][2]string{{"Dana", "Whitfield"}, {"Rosa", "Aguilar"}, {"Tomasz", "Nowak"}, {"Grace", "Mensah"}, {"Kenji", "Mori"}}

	givenNames = []string{"Ana", "Luca", "Mei", "Omar", "Priya", "Jonas", "Zofia", "Kofi", "Élise", "Søren", "Yuki", "Ivan", "Layla", "Mateo", "Nora", "Chidi"}

	familyNames = []string{"García", "Müller", "Rossi", "Novák", "Okafor", "Tanaka", "Sharma", "Johansson", "O'Neil", "Kowalska", "Haddad", "Silva", "Nguyễn", "Petrov", "Ødegård", "Smith"}

	localNames = []string{"田中 健太", "Дмитрий Орлов", "أحمد منصور", "김민준", "Ελένη Παππά", "王芳", "देव पटेल", "דנה לוי"}
)

// staff makes the company's own salespeople, and the version of its package.
func (g *generator) staff() error {
	g.owners = []string{g.store.UserID}
	for _, n := range staffNames {
		email := fmt.Sprintf("%s.%s@acme.example", strings.ToLower(n[0]), strings.ToLower(n[1]))
		hired := g.when.hired
		r, err := g.put("User", hired, hired, values{"Username", email, "Email", email, "FirstName", n[0], "LastName", n[1],
			"Alias", strings.ToLower(n[1][:4]), "TimeZoneSidKey", "GMT", "UserType", "Standard"})
		if err != nil {
			return err
		}
		if r != nil {
			g.owners = append(g.owners, r.ID)
		}
	}
	released := g.when.released
	r, err := g.put("sfLma__Package_Version__c", released, released, values{"Name", "Acme 4.2", "sfLma__Version__c", "4.2.0"})
	g.version = idOf(r)
	return err
}

// partners makes each partner's users, with profiles that state the Partner ID
// (some only later, some never), and the partner's own Space.
func (g *generator) partners() error {
	for i, id := range g.opt.Partners {
		p := &partnerFirm{id: id, since: g.between(g.when.partnersFrom, g.when.partnersTo)}
		domain := fmt.Sprintf("%s.example", strings.ToLower(partnerDomains[i%len(partnerDomains)]))
		if i >= len(partnerDomains) {
			domain = fmt.Sprintf("partner%d.example", i)
		}
		for n := range 1 + g.rnd.IntN(4) {
			if err := g.partnerUser(p, domain, n); err != nil {
				return err
			}
		}
		at := p.since.AddDate(0, 0, 7)
		var err error
		p.space, err = g.space(spaceFacts{key: "P-" + id, name: partnerDomains[i%len(partnerDomains)] + " — own Space", via: "Manual",
			creator: p.users[0], at: at, partnerID: id})
		if err != nil {
			return err
		}
		g.firms = append(g.firms, p)
	}
	return nil
}

func (g *generator) partnerUser(p *partnerFirm, domain string, n int) error {
	local := fmt.Sprintf("%s%d", strings.ToLower(asciiName(pick(g, givenNames))), n)
	if n == 0 {
		local = "delivery" // the user under whom a partner runs its clients' QuickStarts
	}
	email := local + "@" + domain
	at := p.since.Add(time.Duration(n) * 37 * time.Hour)
	stated, later := p.id, g.chance(120)
	if later || n > 0 && g.chance(150) {
		stated = ""
	}
	r, err := g.profile(email, at, stated)
	if err != nil {
		return err
	}
	if later {
		g.restate("Space_User__c", r, "Partner_ID__c", p.id, at.AddDate(0, 0, 3))
	}
	p.users = append(p.users, email)
	return nil
}

// profile makes a user of the product.
func (g *generator) profile(email string, at time.Time, partnerID string) (*store.Record, error) {
	r, err := g.put("Space_User__c", at, at, values{"Email__c", email, "Registered_At__c", g.past(at), "Partner_ID__c", partnerID})
	if r != nil {
		g.profiles = append(g.profiles, r)
	}
	return r, err
}

// asciiName keeps the plain letters of a name, for an address.
func asciiName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, s)
}

func date(year int, month time.Month, dayOfMonth int) time.Time {
	return time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
}
