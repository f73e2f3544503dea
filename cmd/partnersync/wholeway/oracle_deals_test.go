package wholeway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// dealsOfWorld makes registrations and engagements around the world's sales.
func (g *generator) dealsOfWorld() {
	if g.p(30) {
		return
	}
	for _, opportunity := range g.opportunities {
		if g.p(70) {
			g.deal(opportunity)
		}
		if g.p(12) {
			g.deal(opportunity)
		}
		if g.p(15) {
			g.shareGroup(opportunity)
		}
	}
}

// newest gives the newest version of a record.
func (g *generator) newest(id string) version {
	var out version
	for _, v := range g.w.versions {
		if v.id == id && !v.at.Before(out.at) {
			out = v
		}
	}
	return out
}

// amid is an instant on a day of the company zone.
func (g *generator) amid(d civil) time.Time {
	y, m, day := d.time().Date()
	return time.Date(y, m, day, g.IntN(24), g.IntN(60), g.IntN(60), 0, g.w.terms.zone).UTC()
}

// deal makes a registration that may be linked to a sale.
func (g *generator) deal(opportunity string) {
	o := g.newest(opportunity)
	closed, created := o.date("CloseDate"), civilIn(o.instant("CreatedDate"), g.w.terms.zone)
	submitted := oneOf(g, closed, closed+1, created, created-civil(g.IntN(150)), closed-civil(g.IntN(150)), closed-civil(g.IntN(60)))
	decided := submitted + civil(oneOf(g, 0, 1, g.IntN(60)))
	if g.p(25) { // a window that ends about the sale
		decided = oneOf(g, closed, created) - 90 + civil(g.IntN(3)-1)
		submitted = min(submitted, decided)
	}
	f := g.registration(g.partnerID(), submitted, decided)
	f["Status__c"] = oneOf(g, "Approved", "Approved", "Approved", "approved", "Won", "Submitted", "Conflict", "Rejected", "Revoked", "Withdrawn", "Draft")
	switch f["Status__c"] {
	case "Submitted", "Conflict":
		f["Decided_At__c"] = nil
	}
	if account := o.str("AccountId"); g.p(50) {
		f["Account__c"] = orNull(account)
	} else if g.p(20) {
		f["Account__c"] = oneOf(g, g.accounts...)
	}
	if g.p(60) {
		f["Email_Domain__c"] = g.someDomain()
	}
	if g.p(25) {
		f["Opportunity__c"] = opportunity
	}
	id := g.putDeal(f, closed)
	if g.p(25) {
		g.name(opportunity, id)
	}
}

func (g *generator) someDomain() string {
	i := g.IntN(len(g.accounts))
	return oneOf(g, fmt.Sprintf("c%d-%d.example", g.w.no, i), fmt.Sprintf("Mail.C%d-%d.example", g.w.no, i),
		fmt.Sprintf("c%d-%d.co.uk", g.w.no, i), "gmail.com", fmt.Sprintf("p%d.example", g.w.no))
}

// registration makes the fields of an approved registration.
func (g *generator) registration(partner string, submitted, decided civil) map[string]any {
	sent := g.amid(submitted)
	done := g.amid(decided)
	if done.Before(sent) {
		done = sent.Add(time.Minute)
	}
	return map[string]any{
		"Registration_Key__c": nil, "Partner_ID__c": partner, "Customer_Name__c": "Customer", "Email_Domain__c": nil, "Account__c": nil,
		"Opportunity__c": nil, "Space__c": nil, "Involvement__c": oneOf(g, "Engaged", "Engaged", "engaged", "Referred"), "Status__c": "Approved",
		"Submitted_At__c": salesforceTime(sent), "Decided_At__c": salesforceTime(done), "Decision_Reason__c": "because", "Share__c": nil,
		"Project__c": nil, "Key_People__c": nil, "Use_Case__c": nil, "Business_Outcome__c": nil, "Timeframe__c": nil, "Priority__c": nil,
		"Speculative__c": false,
	}
}

// putDeal puts a registration, perhaps in two versions, and its engagements.
func (g *generator) putDeal(f map[string]any, closed civil) string {
	id, at := g.id("a05"), g.instant()
	if g.p(30) && f["Decided_At__c"] != nil && f["Share__c"] == nil {
		before := map[string]any{}
		maps.Copy(before, f)
		before["Status__c"], before["Decided_At__c"] = "Submitted", nil
		g.put("Partner_Registration__c", id, at, before)
		at = at.Add(time.Hour)
	}
	if g.p(4) {
		f["IsDeleted"] = true
	}
	g.put("Partner_Registration__c", id, at, f)
	for range g.IntN(3) {
		days := oneOf(g, 0, -1, 59, 60, 61, 60, g.IntN(90))
		e, at := g.id("a06"), g.instant()
		fields := map[string]any{"Partner_Registration__c": id, "Engaged_On__c": (closed - civil(days)).String(), "Kind__c": "Workshop", "Notes__c": nil}
		g.put("Partner_Engagement__c", e, at, fields)
		if g.p(10) {
			fields["IsDeleted"] = true
			g.put("Partner_Engagement__c", e, at.Add(time.Hour), fields)
		}
	}
	return id
}

// name lets the newest version of a sale name a registration.
func (g *generator) name(opportunity, id string) {
	at := g.newest(opportunity).at
	for i := range g.w.versions {
		if v := &g.w.versions[i]; v.id == opportunity && v.at.Equal(at) {
			v.fields["Partner_Registration__c"] = id
		}
	}
}

// shareGroup makes approved registrations that share a sale.
func (g *generator) shareGroup(opportunity string) {
	o := g.newest(opportunity)
	closed := o.date("CloseDate")
	parts := oneOf(g, []string{"50", "50"}, []string{"33.3", "66.7"}, []string{"60", "40"}, []string{"12.5", "87.5"}, []string{"34", "33", "33"})
	for i, part := range parts {
		if i >= len(g.w.partners) {
			return
		}
		submitted := closed - civil(g.IntN(40))
		f := g.registration(g.w.partners[i].ids[0], submitted, submitted+civil(g.IntN(20)))
		f["Share__c"] = json.Number(part)
		f["Opportunity__c"] = opportunity
		f["Account__c"] = orNull(o.str("AccountId"))
		g.putDeal(f, closed)
	}
}
