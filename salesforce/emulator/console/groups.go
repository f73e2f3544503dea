package console

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// The objects that the default mapping of Partnersync writes and reads, under the
// names of the org's default schema. An object that an org does not have is left
// out where it would be shown.
var (
	written = []string{"Partner__c", "Partner_Commission__c", "Partner_Statement__c"}
	read    = []string{
		"Account", "Opportunity", "Space__c", "Space_Org__c", "Space_User__c", "Space_Invitation__c", "sfLma__License__c",
		"sfLma__Package_Version__c", "Partner_Registration__c", "Partner_Engagement__c", "Lead", "Contact",
	}
)

// columns are what a list shows of an object at first, where somebody has thought
// about it.
var columns = map[string][]string{
	"Partner__c":              {"Name", "Partner_ID__c", "Kind__c", "Tier__c", "Joined_On__c", "Status__c"},
	"Partner_Commission__c":   {"Name", "Partner__c", "Opportunity__c", "Period__c", "Amount__c", "Status__c", "Regime__c"},
	"Partner_Statement__c":    {"Name", "Partner__c", "Period__c", "Opening__c", "Accrued__c", "Adjusted__c", "Paid__c", "Closing__c", "Status__c"},
	"Partner_Registration__c": {"Name", "Partner_ID__c", "Customer_Name__c", "Opportunity__c", "Involvement__c", "Status__c", "Submitted_At__c"},
	"Opportunity":             {"Name", "AccountId", "Amount", "StageName", "CloseDate", "Type", "Space__c"},
	"Account":                 {"Name", "Type", "Website", "Industry", "BillingCountry"},
	"Contact":                 {"Name", "AccountId", "Email", "Referral_Code__c"},
	"Lead":                    {"Name", "Company", "Email", "Status", "Referral_Code__c"},
	"User":                    {"Name", "Username", "Email", "IsActive"},
	"Space__c":                {"Name", "Account__c", "Partner_ID__c", "Created_Via__c", "Creator_Email__c", "Space_Created_At__c"},
	"sfLma__License__c":       {"Name", "sfLma__Account__c", "sfLma__License_Status__c", "sfLma__Install_Date__c", "sfLma__Subscriber_Org_ID__c", "sfLma__Seats__c"},
}

// maxColumns is how many columns a list has at first, where nobody has thought
// about it.
const maxColumns = 7

// defaultColumns are the fields that a list shows at first: the name, then the
// object's own fields as they are declared.
func defaultColumns(obj *schema.Object) []*schema.Field {
	var out []*schema.Field
	for _, name := range columns[obj.Name] {
		if f, ok := obj.Field(name); ok {
			out = append(out, f)
		}
	}
	if len(out) > 0 {
		return out
	}
	if f := nameField(obj); f != nil {
		out = append(out, f)
	} else if f, ok := obj.Field("Id"); ok {
		out = append(out, f)
	}
	for _, f := range obj.Fields {
		if len(out) >= maxColumns {
			break
		}
		if isOwn(f) && f.Type != schema.TypeTextArea && !f.NameField {
			out = append(out, f)
		}
	}
	if f, ok := obj.Field("CreatedDate"); ok && obj.HistoryOf != "" && !slices.Contains(out, f) {
		out = append(out, f)
	}
	return out
}

// isOwn says whether a field is one of the object, not one that every object has.
func isOwn(f *schema.Field) bool {
	return f.Slot >= 0 && !f.IsAudit && f.Name != "OwnerId" && f.Name != "CurrencyIsoCode" && f.Name != "MasterRecordId"
}

// group is a section of the overview.
type group struct {
	ID, Title, Text string
	Objects         []objectLine
}

// objectLine is an object with the number of its records.
type objectLine struct {
	Name, Label string
	Count, Bin  int
	Latest      cell // the day on which a record was last written
}

// groups sorts the org's objects into what Partnersync writes, what it reads, and
// the rest. Callers hold the read lock.
func (rd *reader) groups() []group {
	out := []group{
		{ID: "written", Title: "What Partnersync writes", Text: "Partners, what each earned and why, and what each month came to."},
		{ID: "read", Title: "What Partnersync reads", Text: "Customers, installs, Spaces, sales and registrations."},
		{ID: "others", Title: "Other objects"},
	}
	done := map[string]bool{}
	for i, names := range [][]string{written, read} {
		for _, name := range names {
			if obj, ok := rd.st.Schema.Object(name); ok {
				out[i].Objects = append(out[i].Objects, rd.objectLine(obj))
				done[obj.Name] = true
			}
		}
	}
	for _, obj := range rd.st.Schema.Objects {
		if !done[obj.Name] {
			out[2].Objects = append(out[2].Objects, rd.objectLine(obj))
		}
	}
	return slices.DeleteFunc(out, func(g group) bool { return len(g.Objects) == 0 })
}

func (rd *reader) objectLine(obj *schema.Object) objectLine {
	l := objectLine{Name: obj.Name, Label: plural(obj)}
	var latest int64
	for _, r := range rd.records(obj.Name) {
		latest = max(latest, r.Modstamp, r.Created)
		if r.Deleted {
			l.Bin++
		} else {
			l.Count++
		}
	}
	if latest != 0 {
		l.Latest = instantCell(schema.DateTimeText(latest))
		l.Latest.Text, _, _ = strings.Cut(l.Latest.Text, " ")
	}
	return l
}
