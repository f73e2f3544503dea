package company

import (
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// installs makes what the License Management App knows of a customer: the Lead
// of the install, the production install, sandboxes and their refreshes, and the
// connections of orgs to the Space.
func (g *generator) installs(c *client) error {
	at := c.since.Add(-2 * time.Hour)
	var err error
	c.lead, err = g.put("Lead", at, at, values{"LastName", pick(g, familyNames), "FirstName", pick(g, givenNames),
		"Company", g.accountName(c.account), "Email", c.user, "LeadSource", "Package Installation"})
	if err != nil {
		return err
	}
	status := "Active"
	switch n := g.rnd.IntN(100); {
	case n < 6:
		status = "Uninstalled"
	case n < 9:
		status = "Suspended"
	case n < 13:
		status = "Trial"
	}
	c.uninstalled = status == "Uninstalled"
	if err := g.install(c, c.orgID, at, status, false); err != nil {
		return err
	}
	if err := g.connect(c, c.orgID, c.since, time.Time{}); err != nil {
		return err
	}
	if g.chance(300) {
		return g.sandboxes(c)
	}
	return nil
}

// sandboxes installs the package in a sandbox; every refresh makes a new org
// and leaves the old one uninstalled.
func (g *generator) sandboxes(c *client) error {
	at := c.since.AddDate(0, 0, 10+g.rnd.IntN(90))
	refreshes := g.rnd.IntN(4)
	for n := 0; n <= refreshes && at.Before(g.end); n++ {
		id := g.subscriberOrg()
		next := at.AddDate(0, 2+g.rnd.IntN(8), 0)
		status, until := "Active", time.Time{}
		if n < refreshes && next.Before(g.end) {
			status, until = "Uninstalled", next
		}
		if err := g.install(c, id, at, status, true); err != nil {
			return err
		}
		if err := g.connect(c, id, at, until); err != nil {
			return err
		}
		at = next
	}
	return nil
}

func (g *generator) install(c *client, orgID string, at time.Time, status string, sandbox bool) error {
	v := values{"sfLma__Subscriber_Org_ID__c", orgID, "sfLma__License_Status__c", status, "sfLma__Install_Date__c", day(at),
		schema.SandboxFlag, sandbox, schema.SandboxFlagOfSubscriber, sandbox, "sfLma__Account__c", idOf(c.account), "sfLma__Lead__c", idOf(c.lead), "sfLma__Package_Version__c", g.version,
		"sfLma__Seats__c", 5 * (1 + g.rnd.IntN(40)), "sfLma__Used_Licenses__c", g.rnd.IntN(5)}
	if status == "Trial" || g.chance(300) {
		v = append(v, "sfLma__Expiration__c", day(at.AddDate(1, 0, 0)), "sfLma__Expiration_Date__c", day(at.AddDate(1, 0, 0)))
	}
	_, err := g.put("sfLma__License__c", at, g.touched(at), v)
	return err
}

func (g *generator) connect(c *client, orgID string, from, until time.Time) error {
	if len(c.spaces) == 0 || g.chance(50) {
		return nil
	}
	v := values{"Space__c", idOf(c.spaces[0]), "Org_ID__c", orgID, "Connected_At__c", from}
	changed := from
	if !until.IsZero() {
		v = append(v, "Disconnected_At__c", until)
		changed = until
	}
	_, err := g.put("Space_Org__c", from, changed, v)
	return err
}

// accountName gives the name of an account, or a stand-in where the org has no
// accounts.
func (g *generator) accountName(r *store.Record) string {
	obj, ok := g.store.Schema.Object("Account")
	if r == nil || !ok || r.Text(obj, "Name") == "" {
		return "Unknown"
	}
	return r.Text(obj, "Name")
}
