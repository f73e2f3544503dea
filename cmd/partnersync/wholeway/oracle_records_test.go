package wholeway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// held is what a Partner ID field says from an instant on.
type held struct {
	at    time.Time
	value string
}

// timeline makes the values of a Partner ID field from its record's beginning on.
func (g *generator) timeline(from time.Time) []held {
	line := []held{{from, ""}}
	if g.p(45) {
		line[0].value = g.partnerID()
	}
	at := from
	for range g.IntN(4) {
		at = g.instantFrom(at)
		v := g.partnerID()
		if g.p(20) {
			v = ""
		}
		if !isCircle(line, at, v) {
			line = append(line, held{at, v})
		}
	}
	return line
}

// isCircle says whether a further value would lead back, within one instant, to
// one that the field had at it already: nobody could tell the order then.
func isCircle(line []held, at time.Time, value string) bool {
	for i := len(line) - 1; i >= 0; i-- {
		if readID(line[i].value) == readID(value) {
			return true
		}
		if !line[i].at.Equal(at) {
			return false
		}
	}
	return false
}

// tracked puts a record whose Partner ID field changes: the versions that pulls
// saw, and the history rows that the org kept.
func (g *generator) tracked(object, id string, line []held, fields map[string]any) {
	from, to := 0, len(line) // rows of changes from+1 … to-1 are there
	switch g.IntN(4) {
	case 0: // the org tracks nothing
		to = 0
	case 1: // it has purged the oldest, or tracks only since
		from = g.IntN(len(line))
	}
	history := object[:len(object)-1] + "History"
	for i := from + 1; i < to; i++ {
		g.row(history, id, line[i].at, line[i-1].value, line[i].value)
	}
	last := line[len(line)-1]
	stops := slices.Clone(line)
	for range g.IntN(3) {
		stops = append(stops, held{last.at.Add(time.Duration(1+g.IntN(90*86400)) * time.Second), last.value})
	}
	for i, s := range stops {
		isLast := i == len(stops)-1
		if !isLast && (i < from || i < len(line)-1 && line[i+1].at.Equal(s.at) || g.p(45)) {
			continue // not pulled then
		}
		f := map[string]any{}
		maps.Copy(f, fields)
		f["Partner_ID__c"] = orNull(s.value)
		f["IsDeleted"] = isLast && g.p(6)
		g.put(object, id, s.at, f)
	}
}

// row puts a history row of the Partner ID field.
func (g *generator) row(history, id string, at time.Time, from, to string) {
	g.put(history, g.id("017"), at, map[string]any{
		"ParentId": id, "Field": "Partner_ID__c", "OldValue": orNull(from), "NewValue": orNull(to)})
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// spacesOfWorld makes Spaces, with the orgs and installs of those that a
// QuickStart made.
func (g *generator) spacesOfWorld() {
	for i := range 1 + g.IntN(4) {
		id, born := g.id("a01"), g.instant()
		g.spaces = append(g.spaces, id)
		g.spaceBorn[id] = born
		key := fmt.Sprintf("%s-%d-%d", oneOf(g, "s", "S", "Z", "a"), g.w.no, i)
		f := map[string]any{
			"Space_Key__c": key, "Name": "Space " + key, "Account__c": orNull(oneOf(g, append(g.accounts, g.accounts[0])...)),
			"Created_Via__c": "Manual", "Creator_Email__c": nil, "Space_Created_At__c": salesforceTime(born), "QuickStart_Org_ID__c": nil,
		}
		if g.p(80) {
			f["Creator_Email__c"] = g.written(oneOf(g, g.emails...))
		}
		if g.p(50) {
			f["Created_Via__c"] = "QuickStart"
			org := g.id("00D")
			f["QuickStart_Org_ID__c"] = oneOf(g, org, org[:15])
			lead := ""
			if g.p(75) {
				lead = g.written(oneOf(g, g.emails...))
			}
			account := f["Account__c"]
			if g.p(25) {
				f["Account__c"] = nil // the customer comes from the org
			}
			if g.p(85) {
				g.install(org, lead, account, born)
			}
		}
		g.tracked("Space__c", id, g.timeline(born), f)
	}
}

// install puts a license.
func (g *generator) install(org, lead string, account any, at time.Time) {
	f := map[string]any{
		"sfLma__Subscriber_Org_ID__c": oneOf(g, org, org[:15]), "sfLma__License_Status__c": "Active",
		"sfLma__Install_Date__c": civilIn(at, time.UTC).String(), "sfLma__Expiration__c": nil,
		"sfLma__Is_Sandbox__c": false, "sfLma__Account__c": account, "sfLma__Lead__r": nil,
	}
	if lead != "" {
		f["sfLma__Lead__r"] = map[string]any{"Email": lead}
	}
	g.put("sfLma__License__c", g.id("a02"), at, f)
}

// profilesOfWorld makes records of users; some users have several, some none.
func (g *generator) profilesOfWorld() {
	for _, key := range g.emails {
		for range []int{0, 1, 1, 1, 1, 2}[g.IntN(6)] {
			at := g.instant()
			if len(g.spaces) > 0 && g.p(25) {
				at = g.spaceBorn[oneOf(g, g.spaces...)]
			}
			g.tracked("Space_User__c", g.id("a03"), g.timeline(at), map[string]any{
				"Email__c": g.written(key), "Registered_At__c": salesforceTime(at)})
		}
	}
}

// invitationsOfWorld makes invitations, some of them deleted later.
func (g *generator) invitationsOfWorld() {
	for range g.IntN(5) {
		id, at := g.id("a04"), g.instant()
		f := map[string]any{"Space__c": oneOf(g, g.spaces...), "Email__c": g.written(oneOf(g, g.emails...)), "Invited_At__c": salesforceTime(at)}
		g.put("Space_Invitation__c", id, at, f)
		if g.p(20) {
			f["IsDeleted"] = true
			g.put("Space_Invitation__c", id, at.Add(time.Hour), f)
		}
	}
}

// opportunitiesOfWorld makes sales, in several versions each.
func (g *generator) opportunitiesOfWorld() {
	for range 1 + g.IntN(3) {
		id := g.id("006")
		g.opportunities = append(g.opportunities, id)
		f := g.opportunity()
		at := g.instant()
		changes := g.IntN(3)
		for i := range changes + 1 {
			if i > 0 {
				g.change(f)
				at = at.Add(time.Duration(1+g.IntN(30*86400)) * time.Second)
			}
			if i == changes || g.p(60) {
				g.put("Opportunity", id, at, f)
			}
		}
	}
}

// opportunity makes the fields of a sale.
func (g *generator) opportunity() map[string]any {
	currency := oneOf(g, "USD", "USD", "JPY", "KWD")
	closed := g.dateNear()
	f := map[string]any{
		"Name": "Sale", "AccountId": orNull(oneOf(g, append(g.accounts, "")...)), "Space__c": nil, "Amount": g.money(currency),
		"CurrencyIsoCode": currency, "CloseDate": closed.String(), "StageName": "Closed Won", "IsClosed": true, "IsWon": true,
		"Type": oneOf[any](g, "New Business", "new business", "Upsell", "Renewal", "Other", nil), "CreatedDate": salesforceTime((closed - civil(g.IntN(120))).time().Add(time.Duration(g.IntN(86400)) * time.Second)),
		"Service_Start__c": nil, "Service_End__c": nil, "Net_New_Amount__c": nil, "Partner_Registration__c": nil, "Referral_Code__c": nil,
	}
	if g.p(6) {
		f["Net_New_Amount__c"] = g.money(currency)
	}
	if g.p(50) {
		f["Space__c"] = oneOf(g, g.spaces...)
	} else if f["AccountId"] == nil && g.p(80) {
		f["AccountId"] = g.accounts[0]
	}
	if g.p(55) {
		g.term(f, closed)
	}
	switch g.IntN(40) {
	case 0:
		f["Amount"] = nil
	case 1:
		f["Amount"] = "-" + g.money(currency)
	case 2:
		f["Amount"] = json.Number("0")
	}
	return f
}

// renewalsOfWorld makes sales that renew the term of another.
func (g *generator) renewalsOfWorld() {
	if len(g.opportunities) == 0 || g.p(60) {
		return
	}
	of := g.newest(oneOf(g, g.opportunities...))
	if of.str("AccountId") == "" || of.date("Service_Start__c") == never || of.date("Service_End__c") < of.date("Service_Start__c") {
		return
	}
	of.fields["Amount"] = json.Number(fmt.Sprint(1000 + g.IntN(50000)))
	for range 1 + g.IntN(5)/2 {
		id, f := g.id("006"), g.opportunity()
		g.opportunities = append(g.opportunities, id)
		f["AccountId"], f["Space__c"], f["CurrencyIsoCode"], f["Type"] = of.str("AccountId"), of.fields["Space__c"], of.fields["CurrencyIsoCode"], "Renewal"
		if g.p(20) {
			f["Space__c"] = oneOf(g, g.spaces...)
		}
		if g.p(10) {
			f["CurrencyIsoCode"] = "USD"
		}
		f["Amount"] = json.Number(fmt.Sprint(1000 + g.IntN(60000)))
		start := of.date("Service_End__c") + civil(oneOf(g, 1, 1, 1, 90, 91, 89, 0, -5, g.IntN(100)))
		closed := start + civil(g.IntN(20)-12)
		f["CloseDate"] = closed.String()
		f["CreatedDate"] = salesforceTime((closed - civil(g.IntN(60))).time())
		f["Service_Start__c"], f["Service_End__c"] = nil, nil
		if g.p(80) {
			f["Service_Start__c"] = start.String()
			f["Service_End__c"] = (start + civil(oneOf(g, int(of.date("Service_End__c")-of.date("Service_Start__c")), 364, 89))).String()
		}
		g.put("Opportunity", id, g.instant(), f)
	}
}

// term gives a sale a service period around its CloseDate.
func (g *generator) term(f map[string]any, closed civil) {
	start := closed + civil(g.IntN(90)-20)
	switch g.IntN(4) {
	case 0:
		start = g.dateNear()
	case 1:
		start = start.lastCompleted() + 1
	}
	end := start + civil(oneOf(g, 0, 1, 27, 30, 89, 180, 364, 365, 364, 729, g.IntN(400)))
	if g.p(25) {
		end = end.monthEnd()
	}
	switch g.IntN(30) {
	case 0:
		end = start - 1
	case 1:
		f["Service_End__c"] = end.String()
		return
	case 2:
		f["Service_Start__c"] = start.String()
		return
	}
	f["Service_Start__c"], f["Service_End__c"] = start.String(), end.String()
}

// change changes a sale as sales change.
func (g *generator) change(f map[string]any) {
	switch g.IntN(12) {
	case 0:
		f["IsWon"], f["StageName"] = false, "Closed Lost"
	case 1:
		f["IsDeleted"] = true
	case 2, 3, 4:
		f["Amount"] = g.money(f["CurrencyIsoCode"].(string))
	case 5:
		closed := g.dateNear()
		f["CloseDate"] = closed.String()
	case 6:
		f["Space__c"] = oneOf(g, g.spaces...)
	case 7:
		g.term(f, civilFrom(f["CloseDate"].(string)))
	case 8:
		f["Name"] = "Sale, renamed"
	default:
		f["IsWon"], f["StageName"], f["IsDeleted"] = true, "Closed Won", false
	}
}
