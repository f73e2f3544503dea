package company

import (
	"fmt"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// referralCode is the code under which a partner refers.
func referralCode(p *partnerFirm) string {
	return strings.ToUpper(p.users[0][strings.Index(p.users[0], "@")+1:][:3]) + "-" + p.id[2:]
}

// someCode gives the referral code that somebody typed, "" for most.
func (g *generator) someCode(share int) string {
	if !g.chance(share) {
		return ""
	}
	code := referralCode(pick(g, g.firms))
	switch n := g.rnd.IntN(100); {
	case n < 4:
		return "WELCOME-2020" // nobody's
	case n < 12:
		return strings.ToLower(code)
	}
	return code
}

// leads makes the people who asked. Some became the customers that are there.
func (g *generator) leads() error {
	for n := range max(0, g.opt.Leads) {
		var err error
		if c := pick(g, g.clients); c.contact != nil && g.chance(180) {
			err = g.converted(c)
		} else {
			err = g.lead(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) lead(n int) error {
	at := g.between(g.when.from, g.end)
	given, family := pick(g, givenNames), pick(g, familyNames)
	firm := fmt.Sprintf("%s %s", pick(g, companyWords), pick(g, companyForms))
	if g.chance(500) {
		from := &cultures[g.rnd.IntN(len(cultures))]
		given, family = from.person(g.rnd)
		firm = from.firm(g.rnd)
	}
	email := fmt.Sprintf("info@lead%d.example", n+1)
	switch {
	case g.chance(200):
		email = fmt.Sprintf("lead.%d@%s", n+1, pick(g, freeMail))
	case g.chance(20):
		email = fmt.Sprintf("büro@bücher%d.example", n+1)
	}
	_, err := g.put("Lead", at, g.touched(at), values{"LastName", family, "FirstName", given, "Company", firm, "Email", email,
		"LeadSource", pick(g, []string{"Web", "Web", "Partner Referral", "Trade Show", "Other"}), "Referral_Code__c", g.someCode(350),
		"Status", pick(g, []string{"Open - Not Contacted", "Working - Contacted", "Working - Contacted", "Closed - Not Converted"})})
	return err
}

// converted is a lead that became a customer's contact, and mostly its first deal.
func (g *generator) converted(c *client) error {
	became := time.Unix(c.contact.Created, 0).UTC()
	at := became.AddDate(0, 0, -1-g.rnd.IntN(90))
	contact := g.store.Tables["Contact"].Object
	v := values{"LastName", c.contact.Text(contact, "LastName"), "FirstName", c.contact.Text(contact, "FirstName"), "Company", g.accountName(c.account),
		"Email", c.user, "LeadSource", pick(g, []string{"Web", "Partner Referral"}), "Referral_Code__c", g.someCode(450),
		"Status", "Closed - Converted", "IsConverted", true, "ConvertedAccountId", idOf(c.account), "ConvertedContactId", idOf(c.contact)}
	if g.chance(800) {
		v = append(v, "ConvertedOpportunityId", idOf(c.firstDeal))
	}
	_, err := g.put("Lead", at, became, v)
	return err
}

// contacts makes more people at the customers, some with the code of who sent them.
func (g *generator) contacts() error {
	for _, c := range g.clients {
		if !g.chance(300) {
			continue
		}
		for n := range 1 + g.rnd.IntN(2) {
			given, family := pick(g, givenNames), pick(g, familyNames)
			if c.culture != nil {
				given, family = c.culture.person(g.rnd)
			}
			at := g.between(c.since, g.end)
			if _, err := g.put("Contact", at, g.touched(at), values{"LastName", family, "FirstName", given, "AccountId", idOf(c.account),
				"Email", fmt.Sprintf("person%d@%s", n+1, c.domain), "Title", pick(g, []string{"CFO", "Sales Ops", "Chief of Staff", "監査役", "Geschäftsführerin"}),
				"Referral_Code__c", g.someCode(150)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// merges makes accounts and contacts that were there twice until somebody merged
// them: the losers lie in the recycle bin and name the winner, what hung on them
// hangs on it.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_merge.htm
func (g *generator) merges() error {
	for _, c := range g.clients {
		if c.account == nil || !g.chance(15) {
			continue
		}
		winner := c.account
		for range pick(g, []int{1, 1, 1, 1, 2}) {
			loser, err := g.mergedAccount(c, winner)
			if err != nil {
				return err
			}
			winner = loser // the second was merged into the first, before that was merged
		}
	}
	return nil
}

func (g *generator) mergedAccount(c *client, winner *store.Record) (*store.Record, error) {
	created := g.between(time.Unix(winner.Created, 0), g.end.AddDate(0, -1, 0))
	until := g.end
	if winner.Deleted {
		until = time.Unix(winner.Modstamp, 0)
	}
	at := g.between(created.Add(time.Hour), until)
	name := g.accountName(c.account)
	loser, err := g.put("Account", created, created, values{"Name", pick(g, []string{name, strings.ToUpper(name), name + ".", name + " (old)"}),
		"Type", "Customer", "Website", "http://" + c.domain + "/", "CurrencyIsoCode", c.currency})
	if err != nil || loser == nil {
		return nil, err
	}
	// What hung on it was moved: its SystemModstamp is that of the merge, its
	// LastModifiedDate is not.
	contact, err := g.put("Contact", created, created, values{"LastName", pick(g, familyNames), "FirstName", pick(g, givenNames),
		"AccountId", winner.ID, "Email", fmt.Sprintf("moved@%s", c.domain)})
	if err != nil {
		return nil, err
	}
	if contact != nil {
		next := contact.Clone()
		next.Modstamp = max(next.Modstamp, g.past(at).Unix())
		g.store.Tables["Contact"].Replace(contact, next)
	}
	t := g.store.Tables["Account"]
	if master, ok := t.Object.Field("MasterRecordId"); ok {
		next := loser.Clone()
		next.Set(master, winner.ID)
		t.Replace(loser, next)
	}
	g.store.MarkDeleted(t, loser, true, store.Writer{UserID: g.owners[0], At: g.past(at)})
	return loser, nil
}

// expired makes registrations whose window went by without an opportunity.
func (g *generator) expired() error {
	for _, c := range g.clients {
		if !g.chance(20) {
			continue
		}
		r := registration{partner: pick(g, g.firms), c: c, status: "Expired", involvement: "Referred",
			submitted: g.between(g.end.AddDate(-3, 0, 0), g.end.AddDate(0, -4, 0))}
		r.decided = g.past(r.submitted.AddDate(0, 0, 2+g.rnd.IntN(9)))
		if _, err := g.putRegistration(r); err != nil {
			return err
		}
	}
	return nil
}
