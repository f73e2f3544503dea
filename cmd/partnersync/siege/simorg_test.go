package siege_test

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// change lets somebody do something in the org, and gives what it was. What the
// org refuses did not happen.
func (s *simulation) change() string {
	objects := []string{"Opportunity", "Opportunity", "Opportunity", "Space__c", "Space_User__c", "Space_Invitation__c",
		"sfLma__License__c", "Space_Org__c", "Partner_Registration__c", "Partner_Engagement__c", "Account"}
	object := pick(s.random, objects...)
	var err error
	verb := ""
	switch n := s.random.IntN(20); {
	case n < 6:
		verb = "create"
		_, err = s.org.Insert(object, s.fields(object, true))
	case n < 14:
		verb = "update"
		if id := s.one(object, false); id != "" {
			err = s.org.Update(object, id, s.fields(object, false), s.org.Now())
		}
	case n < 16:
		verb = "delete"
		if id := s.one(object, false); id != "" && (object != "Account" || s.random.IntN(3) == 0) {
			err = s.org.Delete(object, id)
		}
	case n < 18:
		verb = "undelete"
		if id := s.one(object, true); id != "" {
			s.hasUnseenMerge = s.hasUnseenMerge || object == "Account" && !s.isSeenDeleted(id)
			err = s.org.Undelete(object, id)
		}
	case n < 19:
		object, verb = "Account", "merge"
		if a, b := s.one(object, false), s.one(object, false); a != b {
			err = s.org.Merge(object, a, b)
		}
	default:
		verb = "purge"
		if id := s.one(object, true); id != "" && object != "Account" {
			err = s.org.Purge(object, id)
		}
	}
	if err != nil {
		return verb + " refused"
	}
	return verb
}

// isSeenDeleted says whether a pull has seen that a record was deleted, or merged.
func (s *simulation) isSeenDeleted(id string) (is bool) {
	must(s.t, s.db.Get(&is, `select coalesce((select is_deleted from staging.record where id = $1 order by modstamp desc limit 1), false)`, id))
	return is
}

// one gives some record of an object, or "".
func (s *simulation) one(object string, deleted bool) string {
	ids := s.ids(object, deleted)
	if len(ids) == 0 {
		return ""
	}
	return pick(s.random, ids...)
}

// fields makes up what a record says: all of it, or some.
func (s *simulation) fields(object string, all bool) map[string]any {
	f := map[string]any{}
	partner := pick[any](s.random, "FG3877", "AB1234", "KM5521", "TR0942", "ZZ9999", "fg387", nil)
	email := fmt.Sprintf("person%d@client%d.example", s.random.IntN(40), s.random.IntN(6))
	day := instant("2026-10-19T00:00:00Z").AddDate(0, 0, -s.random.IntN(2500))
	date := day.Format(time.DateOnly)
	link := func(to string) any {
		if id := s.one(to, false); id != "" {
			return id
		}
		return nil
	}
	switch object {
	case "Account":
		f["Name"], f["Website"] = fmt.Sprint("Customer ", s.random.IntN(1000)), fmt.Sprintf("https://client%d.example", s.random.IntN(8))
	case "Opportunity":
		f["Name"], f["AccountId"], f["CloseDate"] = fmt.Sprint("Sale ", s.step), link("Account"), date
		f["Amount"] = pick[any](s.random, "100", "2500.50", "0", "-40", "19999.99", nil)
		f["StageName"] = pick(s.random, "Closed Won", "Closed Won", "Closed Won", "Closed Lost", "Prospecting")
		f["Space__c"] = pick(s.random, nil, link("Space__c"))
		f["Partner_Registration__c"] = pick(s.random, nil, nil, link("Partner_Registration__c"))
		f["Service_Start__c"], f["Service_End__c"] = date, day.AddDate(1, 0, -1).Format(time.DateOnly)
	case "Space__c":
		f["Name"], f["Account__c"], f["Partner_ID__c"] = fmt.Sprint("Space ", s.step), link("Account"), partner
		f["Creator_Email__c"], f["Created_Via__c"] = email, pick(s.random, "QuickStart", "Manual")
		f["Space_Created_At__c"], f["QuickStart_Org_ID__c"] = day, pick[any](s.random, nil, "00D0E0000000001", "00D0E0000000002")
		if all {
			f["Space_Key__c"] = fmt.Sprint("S-", s.seed, "-", s.step)
		}
	case "Space_User__c":
		f["Email__c"], f["Registered_At__c"], f["Partner_ID__c"] = email, day, partner
	case "Space_Invitation__c":
		f["Space__c"], f["Email__c"], f["Invited_At__c"] = link("Space__c"), email, day
	case "sfLma__License__c":
		f["sfLma__Account__c"], f["sfLma__License_Status__c"] = link("Account"), pick(s.random, "Active", "Uninstalled", "Suspended")
		f["sfLma__Install_Date__c"] = date
		if all {
			f["sfLma__Subscriber_Org_ID__c"] = pick(s.random, "00D0E0000000001", "00D0E0000000002", "00D0E0000000003")
		}
	case "Space_Org__c":
		f["Space__c"], f["Org_ID__c"], f["Connected_At__c"] = link("Space__c"), pick(s.random, "00D0E0000000001", "00D0E0000000002"), day
	case "Partner_Registration__c":
		f["Partner_ID__c"], f["Account__c"], f["Customer_Name__c"] = partner, link("Account"), "Somebody"
		f["Status__c"], f["Involvement__c"] = pick(s.random, "Draft", "Submitted", "Approved", "Rejected", "Withdrawn"), pick(s.random, "Referred", "Engaged")
		f["Submitted_At__c"], f["Decided_At__c"] = day, pick[any](s.random, nil, day.AddDate(0, 0, 3))
		f["Opportunity__c"], f["Space__c"] = pick(s.random, nil, link("Opportunity")), pick(s.random, nil, link("Space__c"))
	case "Partner_Engagement__c":
		f["Partner_Registration__c"], f["Engaged_On__c"], f["Kind__c"] = link("Partner_Registration__c"), date, pick(s.random, "Meeting", "Call", "Demo")
	}
	if !all { // some of it only
		for _, name := range slices.Sorted(maps.Keys(f)) { // as the seed has it
			if len(f) > 1 && s.random.IntN(2) == 0 {
				delete(f, name)
			}
		}
	}
	return f
}
