package company

import (
	"fmt"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// laterInstalls makes what happened to installs besides: packages that were taken
// off and put on again, orgs that were exchanged for others, and trials of people
// who never became customers.
// https://developer.salesforce.com/docs/atlas.en-us.pkg1_dev.meta/pkg1_dev/lma_license_details.htm
func (g *generator) laterInstalls() error {
	for _, c := range g.clients {
		var err error
		switch {
		case c.uninstalled && g.chance(500):
			err = g.reinstall(c)
		case !c.uninstalled && g.chance(30): // a first try, before the customer came
			at := c.since.AddDate(0, 0, -20-g.rnd.IntN(180))
			err = g.install(c, c.orgID, at, "Uninstalled", false)
		}
		if err != nil {
			return err
		}
	}
	for n := range g.opt.Customers / 12 {
		if err := g.trial(n); err != nil {
			return err
		}
	}
	return nil
}

// reinstall installs the package again: the org of before gets a second license, or
// another org has taken its place.
func (g *generator) reinstall(c *client) error {
	at := g.between(c.since.AddDate(0, 1, 0), c.since.AddDate(2, 0, 0))
	if !at.Before(g.end) {
		return nil
	}
	orgID := c.orgID
	if g.chance(300) {
		orgID = g.subscriberOrg()
		if err := g.connect(c, orgID, at, time.Time{}); err != nil {
			return err
		}
	}
	return g.install(c, orgID, at, "Active", false)
}

// trial makes the Lead and the license of somebody who tried the package. Most have
// let it run out.
func (g *generator) trial(n int) error {
	at := g.between(g.when.from, g.end)
	from := &cultures[g.rnd.IntN(len(cultures))]
	given, family := from.person(g.rnd)
	lead, err := g.put("Lead", at, at, values{"LastName", family, "FirstName", given, "Company", g.names.once(from.firm(g.rnd)),
		"Email", fmt.Sprintf("admin@trial%d.example", n+1), "LeadSource", "Package Installation"})
	if err != nil {
		return err
	}
	status, expires := "Trial", at.AddDate(0, 0, pick(g, []int{14, 30, 30}))
	if expires.Before(g.end) && g.chance(600) {
		status = "Uninstalled"
	}
	sandbox := g.chance(250)
	_, err = g.put("sfLma__License__c", at, g.touched(at), values{"sfLma__Subscriber_Org_ID__c", g.subscriberOrg(), "sfLma__License_Status__c", status,
		"sfLma__Install_Date__c", day(at), schema.SandboxFlag, sandbox, schema.SandboxFlagOfSubscriber, sandbox, "sfLma__Lead__c", idOf(lead),
		"sfLma__Package_Version__c", g.version, "sfLma__Seats__c", 10, "sfLma__Used_Licenses__c", 1 + g.rnd.IntN(3),
		"sfLma__Expiration__c", day(expires), "sfLma__Expiration_Date__c", day(expires)})
	return err
}
