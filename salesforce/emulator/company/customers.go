package company

import (
	"fmt"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// client is a customer as the rest of the generator needs it.
type client struct {
	n        int
	account  *store.Record
	contact  *store.Record
	domain   string
	user     string // the e-mail of its first user
	lead     *store.Record
	orgID    string // its production org
	spaces   []*store.Record
	since    time.Time // when its first Space was created
	currency string
	traits
	uninstalled bool // its production install
	firstDeal   *store.Record
}

var (
	partnerDomains = []string{"Northlight", "Bluefin", "Karavela", "Tessera", "Quillon", "Lumenpath", "Brightnest", "Havenworks", "Zephyrica", "Cobaltway"}

	companyWords = []string{"Aurora", "Granite", "Meridian", "Sable", "Orchard", "Falcon", "Cedar", "Harbour", "Lattice", "Monsoon", "Juniper", "Basalt",
		"東京電機", "株式会社さくら", "Северный Путь", "شركة النخيل", "한빛소프트", "Αιγαίο", "云山科技", "सूर्य", "מגדלור", "Çınar", "Łódź", "Nørrebro"}

	companyForms = []string{"Ltd", "GmbH", "S.A.", "Inc.", "AB", "Pty", "Sp. z o.o.", "& Sons", "合同会社", "ООО"}
	industries   = []string{"Manufacturing", "Finance", "Healthcare", "Retail", "Software", "Logistics", "Public Sector"}
	countries    = []string{"Germany", "Japan", "United States", "Brazil", "Kuwait", "Poland", "India", "South Korea", "Denmark", "Greece"}
)

// customers makes the accounts and how each of them came to its Spaces.
func (g *generator) customers() error {
	for n := range g.opt.Customers {
		c, err := g.customer(n)
		if err != nil {
			return err
		}
		g.clients = append(g.clients, c)
	}
	return nil
}

func (g *generator) customer(n int) (*client, error) {
	c := &client{n: n, domain: fmt.Sprintf("kunde%d.example", n+1), since: g.between(g.when.from, g.when.middle),
		currency: g.currencies[0]}
	if g.chance(120) {
		c.since = g.between(g.when.middle, g.end.AddDate(0, -6, 0))
	}
	if g.multi && g.chance(350) {
		c.currency = pick(g, g.currencies)
	}
	c.user = fmt.Sprintf("%s@%s", pick(g, []string{"ana", "it", "crm.admin", "salesforce+qs", "ops"}), c.domain)
	c.traits = g.traits(n)
	if c.freeMail != "" {
		c.user = c.freeMail
	}
	c.orgID = g.subscriberOrg()
	website := "https://www." + c.domain
	if g.chance(60) {
		website = ""
	}
	founded := c.since.AddDate(0, 0, -5-g.rnd.IntN(200))
	changed := g.touched(founded)
	name := fmt.Sprintf("%s %s %d", pick(g, companyWords), pick(g, companyForms), n+1)
	industry, country := pick(g, industries), pick(g, countries)
	if c.culture != nil {
		name, country = c.name, c.culture.country
	}
	var err error
	c.account, err = g.put("Account", founded, changed, values{
		"Name", name, "Website", website, "Type", "Customer",
		"Industry", industry, "BillingCountry", country, "NumberOfEmployees", 5 + g.rnd.IntN(20_000),
		"AnnualRevenue", 50_000 * (1 + g.rnd.IntN(9000)), "CurrencyIsoCode", c.currency})
	if err != nil {
		return nil, err
	}
	if err := g.contact(c, founded); err != nil {
		return nil, err
	}
	if err := g.arrive(c); err != nil {
		return nil, err
	}
	return c, g.installs(c)
}

func (g *generator) contact(c *client, at time.Time) error {
	first, last := pick(g, givenNames), pick(g, familyNames)
	if g.chance(250) {
		first, last = "", pick(g, localNames)
	}
	if c.culture != nil {
		first, last = c.given, c.family
	}
	var err error
	c.contact, err = g.put("Contact", at, at, values{"FirstName", first, "LastName", last, "Email", c.user, "AccountId", idOf(c.account)})
	return err
}

// arrive gives a customer its Spaces, in one of the ways in which that happens.
func (g *generator) arrive(c *client) error {
	p := pick(g, g.firms)
	f := spaceFacts{key: fmt.Sprintf("C-%06d", c.n+1), name: fmt.Sprintf("Space of customer %d", c.n+1), via: "QuickStart",
		account: idOf(c.account), orgID: c.orgID, at: c.since, creator: c.user}
	if g.chance(500) {
		f.orgID = makeID18(c.orgID)
	}
	var err error
	switch way := g.rnd.IntN(100); {
	case way < 45: // a user of the customer, whom a partner had invited
		err = g.invited(c, p, &f)
	case way < 70: // the partner's own user, on the client's behalf
		f.creator = p.users[0]
		if g.chance(700) {
			f.partnerID = p.id
		}
	case way < 90: // nobody's
		if g.chance(800) {
			_, err = g.profile(c.user, c.since.AddDate(0, 0, -1), "")
		}
	case way < 97: // the Space does not say who made it; the install's Lead does
		f.creator = ""
	default:
		return nil // an account without a Space
	}
	if err != nil {
		return err
	}
	f.partnerID = g.disorder(f.partnerID)
	s, err := g.space(f)
	if err != nil {
		return err
	}
	c.spaces = append(c.spaces, s)
	if g.chance(60) {
		g.takeover(c, s)
	}
	if g.chance(150) {
		f.key, f.name, f.via, f.orgID = f.key+"-B", f.name+", second", "Manual", ""
		f.at = g.between(c.since.AddDate(0, 1, 0), c.since.AddDate(2, 0, 0))
		if s, err = g.space(f); err != nil {
			return err
		}
		c.spaces = append(c.spaces, s)
	}
	return nil
}

// invited makes an invitation to the partner's Space, and the profile that the
// invited user registers, by hand or by the QuickStart itself.
func (g *generator) invited(c *client, p *partnerFirm, f *spaceFacts) error {
	at := c.since.Add(-time.Duration(1+g.rnd.IntN(20*24)) * time.Hour)
	if at.Before(p.since.AddDate(0, 0, 8)) {
		at = p.since.AddDate(0, 0, 8)
	}
	if _, err := g.put("Space_Invitation__c", at, at, values{"Space__c", idOf(p.space), "Email__c", c.user, "Invited_At__c", at}); err != nil {
		return err
	}
	if !f.at.After(at) {
		f.at = at.Add(26 * time.Hour)
		c.since = f.at
	}
	if g.chance(500) {
		stated := ""
		if g.chance(600) {
			stated = p.id
		}
		if _, err := g.profile(c.user, g.between(at, f.at), stated); err != nil {
			return err
		}
	}
	if g.chance(500) {
		f.partnerID = p.id
	}
	return nil
}

// disorder turns a few Partner IDs into what people type.
func (g *generator) disorder(id string) string {
	switch n := g.rnd.IntN(1000); {
	case n < 4:
		return UnknownPartner
	case n < 8 && id != "":
		return id[:5]
	case n < 12 && id != "":
		return id[:2] + "-" + id[2:]
	}
	return id
}

// takeover puts another partner on a Space some years after it was created.
func (g *generator) takeover(c *client, s *store.Record) {
	from := c.since.AddDate(0, 3, 0)
	if !from.Before(g.end) {
		return
	}
	at := g.between(from, g.end)
	id := pick(g, g.firms).id
	if g.chance(100) {
		id = "" // cleared
	}
	if s != nil && s.Text(g.spaceObject(), "Partner_ID__c") != id {
		g.restate("Space__c", s, "Partner_ID__c", id, at)
	}
}

func (g *generator) spaceObject() *schema.Object {
	obj, _ := g.store.Schema.Object("Space__c")
	return obj
}

// spaceFacts are what a Space is made from.
type spaceFacts struct {
	key, name, via, account, creator, orgID, partnerID string
	at                                                 time.Time
}

func (g *generator) space(f spaceFacts) (*store.Record, error) {
	return g.put("Space__c", f.at, f.at, values{"Name", f.name, "Space_Key__c", f.key, "Account__c", f.account, "Created_Via__c", f.via,
		"Creator_Email__c", f.creator, "Space_Created_At__c", f.at, "QuickStart_Org_ID__c", f.orgID, "Partner_ID__c", f.partnerID})
}

func makeID18(id15 string) string {
	f := schema.Field{Type: schema.TypeID, Name: "Id"}
	full, err := f.CanonText(id15)
	if err != nil {
		return id15
	}
	return full
}
