package wholeway_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
)

// A sales pipeline that nobody here made up, as messy as it came, on its whole
// way. Around it stands a small invented world of partners, given by fixed rules,
// so that what every commission must be follows from the files alone. Every close
// in the files lies in 2017, so the plan's cutoff lies before that.
const partnersOfSales = `
partners:
  - {key: alder, name: Alder Consulting, kind: consulting, joined_on: 2009-03-01, partner_ids: [AA1001], domains: [partneraa1001.example]}
  - {key: birch, name: Birch Partners, kind: registered, joined_on: 2012-01-15, partner_ids: [BB1002], domains: [partnerbb1002.example]}
  - {key: cedar, name: Cedar & Sons, kind: registered, joined_on: 2014-12-31, partner_ids: [CC1003], domains: [partnercc1003.example]}
  - {key: dogwood, name: Dogwood Systems, kind: consulting, joined_on: 2013-07-01, partner_ids: [DD1004], domains: [partnerdd1004.example]}
  - {key: larch, name: Larch Late, kind: registered, joined_on: 2015-01-01, partner_ids: [LT2015], domains: [partnerlt2015.example]}
plans:
  - {plan: default, effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2015-01-01}}
`

const (
	late     = "LT2015" // joined on the cutoff: zero lines (R4.3)
	unissued = "ZZ9999" // held (R2.8)
	nobody   = ""       // the customer came without a partner
	// noCloseDate stands for the close date that open opportunities lack and that
	// Salesforce requires, noEngageDate for the creation of those without one.
	noCloseDate, noEngageDate = "2099-12-31", "2016-10-01"
	// lateSpace is of a customer with sales before it had a Space; nobody holds those.
	lateSpace, lateSpaceAt = "Rundofase", "2017-06-10T12:00:00Z"
	// readmeSays: rows, won ones, their worth, those without account; and, counted, those with a misspelt product.
	readmeSays = "8800 4238 10005534 1425 1480"
)

// holders[i % 7] brought the customer that stands i-th in the file.
var holders = []string{"AA1001", "BB1002", "CC1003", "DD1004", late, unissued, nobody}

// How the Space of the i-th customer came by its Partner ID is i % 4. For every
// second customer its own user ran QuickStart, for the others the single user of
// their partner did (worked example 13).
const (
	byInvitation   = iota // own user, new; the ID comes from the Space that invited first (R2.1)
	byBot                 // the partner's user; Salesforce states no ID on the Space (R2.2)
	byProfile             // own user, whose profile states it (R2.2)
	byBotAndStated        // the partner's user; Salesforce states it on the Space too (R2.7)
)

// takeovers in mid-2017, each on a day with a sale and with sales around it.
var takeovers = map[string]struct{ at, to string }{
	"Cancity": {"2017-07-03T18:00:00Z", "CC1003"}, // invited; its Space stated nothing before
	"Domzoom": {"2017-07-01T00:00:00Z", "DD1004"}, // its Space stated BB1002 before
}

func TestRealInput_CRMSales(t *testing.T) {
	t.Parallel()
	s := readSales(t)
	w := newWay(t, "2018-02-01T06:00:00Z")
	w.apply(partnersOfSales)
	must(t, w.org.LoadDir(s.writeOrg(t)))
	for _, r := range w.org.Records("Space__c") {
		s.spaces[text(r["Space_Key__c"])] = text(r["Id"])
	}
	for name, k := range takeovers {
		w.change("Space__c", s.spaces[s.customers[name].spaceKey], k.at, map[string]any{"Partner_ID__c": k.to})
	}
	w.run()
	expected := s.commissions()
	t.Run("every opportunity is a fact", func(t *testing.T) { s.checkFacts(t, w) })
	t.Run("every commission in Salesforce is the one computed from the files", func(t *testing.T) { checkCommissions(t, w, expected) })
	t.Run("partners are in Salesforce", func(t *testing.T) { checkPartners(t, w) })
	t.Run("the book agrees", func(t *testing.T) { checkBook(t, w, expected) })
	t.Run("doubtful rows are harmless and none is lost", func(t *testing.T) { s.checkDoubtful(t, w) })
	t.Run("every line explains itself", func(t *testing.T) { checkExplanations(t, w, expected) })
	t.Run("a second run changes nothing", func(t *testing.T) { checkSecondRun(t, w) })
	t.Run("what was held accrues once the ID is issued", func(t *testing.T) { checkIssuedLater(t, w, expected) })
}

// sales are the files, and what the fixed rules add to them.
type sales struct {
	opportunities []opportunity
	order         []string            // names of customers, as in the file
	customers     map[string]customer // by name
	spaces        map[string]string   // Space key → Id, once the org has given them
}

type opportunity struct {
	id, name, account, amount, closes, stage, created string
	isWon, isClosed                                   bool
}

// A customer's Space states an ID, or "". The later invitation does not count.
type customer struct {
	way                                                                           int
	accountID, country, spaceKey, createdAt, holder, user, stated, invitedLaterBy string
}

func readSales(t *testing.T) *sales {
	dir := os.Getenv("PARTNERSYNC_SHARED_DATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	if _, err := os.Stat(filepath.Join(dir, "crm-sales")); err != nil {
		t.Skipf("the real data is not here (%v); PARTNERSYNC_SHARED_DATA says where the folder lies that has crm-sales", err)
	}
	s := &sales{customers: map[string]customer{}, spaces: map[string]string{}}
	for i, r := range readCSV(t, filepath.Join(dir, "crm-sales", "accounts.csv")) {
		s.order = append(s.order, r["account"])
		s.customers[r["account"]] = newCustomer(t, i, r)
	}
	for _, r := range readCSV(t, filepath.Join(dir, "crm-sales", "sales_pipeline.csv")) {
		s.opportunities = append(s.opportunities, newOpportunity(t, r))
	}
	return s
}

func newCustomer(t *testing.T, i int, r map[string]string) customer {
	c := customer{
		way: i % 4, accountID: id18(t, fmt.Sprintf("0015g%010d", i)), country: r["office_location"],
		spaceKey: fmt.Sprintf("S-%02d", i), createdAt: fmt.Sprintf("2016-%02d-%02dT09:30:00Z", 1+i/28, 1+i%28),
		holder: holders[i%7], invitedLaterBy: holders[(i+1)%7], user: fmt.Sprintf("it@customer%02d.example", i),
	}
	if r["account"] == lateSpace {
		c.createdAt = lateSpaceAt
	}
	switch c.way {
	case byBot:
		c.user = botOf(c.holder)
	case byBotAndStated:
		c.user, c.stated = botOf(c.holder), c.holder
	}
	return c
}

// botOf is the single user of a partner, or of somebody without a Partner ID.
func botOf(holder string) string { return "bot@partner" + strings.ToLower(holder) + ".example" }

func newOpportunity(t *testing.T, r map[string]string) opportunity {
	stages := map[string]string{"Won": "Closed Won", "Lost": "Closed Lost", "Engaging": "Qualification", "Prospecting": "Prospecting"}
	return opportunity{
		id: id18(t, "0065g00"+r["opportunity_id"]), name: fmt.Sprintf("%s for %s (%s)", r["product"], r["account"], r["opportunity_id"]),
		account: r["account"], amount: r["close_value"], stage: stages[r["deal_stage"]],
		isWon: r["deal_stage"] == "Won", isClosed: r["deal_stage"] == "Won" || r["deal_stage"] == "Lost",
		created: isoDate(t, r["engage_date"], noEngageDate), closes: isoDate(t, r["close_date"], noCloseDate),
	}
}

func isoDate(t *testing.T, s, none string) string {
	if s == "" {
		return none
	}
	d, err := time.Parse("1/2/2006", s) // month/day/year without padding
	must(t, err)
	return d.Format(time.DateOnly)
}

// writeOrg writes the data directory of an org and gives its path. Ids of
// accounts and opportunities go in with 15 characters and come out with 18.
func (s *sales) writeOrg(t *testing.T) string {
	dir, table := t.TempDir(), func(columns string) [][]string { return [][]string{strings.Split(columns, " ")} }
	accounts := table("Id Name BillingCountry")
	spaces := table("Space_Key__c Name Account__c Created_Via__c Creator_Email__c Space_Created_At__c Partner_ID__c CreatedDate LastModifiedDate")
	users := table("Email__c Registered_At__c Partner_ID__c CreatedDate LastModifiedDate")
	invitations := table("Space__r.Space_Key__c Email__c Invited_At__c CreatedDate LastModifiedDate")
	sold := table("Id Name AccountId Amount CloseDate StageName CreatedDate LastModifiedDate")
	addUser := func(email, at, holder string) { users = append(users, []string{email, at, holder, at, at}) }
	invite := func(holder, email, at string) {
		invitations = append(invitations, []string{"HOUSE-" + holder, email, at, at, at})
	}
	for _, h := range holders { // each with one user and a Space of its own, for inviting
		addUser(botOf(h), "2015-06-01T00:00:00Z", h)
		at := "2015-07-01T00:00:00Z"
		spaces = append(spaces, []string{"HOUSE-" + h, "House of " + h, "", "Manual", botOf(h), at, h, at, at})
	}
	for _, name := range s.order {
		c := s.customers[name]
		accounts = append(accounts, []string{c.accountID[:15], name, c.country})
		spaces = append(spaces, []string{c.spaceKey, name, c.accountID, "QuickStart", strings.ToUpper(c.user), c.createdAt, c.stated, c.createdAt, c.createdAt})
		switch c.way {
		case byInvitation:
			invite(c.invitedLaterBy, c.user, "2015-11-01T00:00:00Z")
			invite(c.holder, c.user, "2015-10-01T00:00:00Z")
		case byProfile:
			addUser(c.user, "2015-09-01T00:00:00Z", c.holder)
		}
	}
	for _, o := range s.opportunities {
		modified := "" // open ones were touched a moment ago
		if o.isClosed {
			modified = o.closes + "T17:00:00Z"
		}
		sold = append(sold, []string{o.id[:15], o.name, s.customers[o.account].accountID, o.amount, o.closes, o.stage, o.created + "T08:00:00Z", modified})
	}
	for object, rows := range map[string][][]string{"Account": accounts, "Space__c": spaces, "Space_User__c": users, "Space_Invitation__c": invitations, "Opportunity": sold} {
		writeCSV(t, dir, object, rows)
	}
	return dir
}

// holderOn says whose the Space of a customer is at the end of a day (R3.4).
func (s *sales) holderOn(name, day string) string {
	c, k := s.customers[name], takeovers[name]
	if k.to != "" && k.at[:10] <= day {
		return k.to
	}
	if day < c.createdAt[:10] {
		return nobody
	}
	return c.holder
}

// commission is what a Partner_Commission__c says, and what it must say.
type commission struct {
	Payee, Partner, Period, Status, Reason, Base, Rate, Amount, Currency, Regime, Slice, Opportunity, Space, Account string
}

// commissions computes them all from the files and the fixed rules: ten per cent
// of the Amount, to the cent, half away from zero, to the holder of CloseDate.
func (s *sales) commissions() map[string]commission {
	out := map[string]commission{}
	for _, o := range s.opportunities {
		if !o.isWon || s.holderOn(o.account, o.closes) == nobody {
			continue
		}
		payee, base := s.holderOn(o.account, o.closes), decimal.RequireFromString(o.amount)
		c := commission{
			Payee: payee, Partner: payee, Period: o.closes[:7], Status: "Accrued", Base: base.StringFixed(2), Rate: "10",
			Amount: base.Mul(decimal.RequireFromString("0.10")).Round(2).StringFixed(2), Currency: "USD", Regime: "Space", Slice: "referral",
			Opportunity: o.id, Space: s.spaces[s.customers[o.account].spaceKey], Account: s.customers[o.account].accountID,
		}
		switch payee {
		case late:
			c.Status, c.Reason, c.Amount = "Zero", "joined_after_cutoff", "0.00"
		case unissued:
			c.Status, c.Reason, c.Partner = "On Hold", "unknown_partner_id", ""
		}
		out[payee+"/space/"+o.id+"/referral/"+c.Period] = c
	}
	return out
}

// checkFacts sees every row of the pipeline in the ledger, as it was in the file.
func (s *sales) checkFacts(t *testing.T, w *way) {
	want := map[string]string{}
	for _, o := range s.opportunities {
		want[o.id] = fmt.Sprint([]string{o.name, s.customers[o.account].accountID, o.amount, o.closes, o.stage, o.created}, o.isWon, o.isClosed)
	}
	same(t, want, byKey(t, w, `select id k, format('[%s %s %s %s %s %s] %s %s', name, account_id, trim_scale(amount), close_date, stage,
		(created_at at time zone 'UTC')::date, is_won::text, is_closed::text) v from ledger.opportunity where not is_deleted`))
	same(t, map[string]string{"rows": readmeSays}, byKey(t, w, `select 'rows' k, concat_ws(' ', count(*), count(*) filter (where is_won), trim_scale(sum(amount) filter (where is_won)),
		count(*) filter (where account_id = ''), count(*) filter (where name like 'GTXPro%')) v from ledger.opportunity`))
}

func checkCommissions(t *testing.T, w *way, expected map[string]commission) {
	t.Helper()
	got := map[string]commission{}
	for _, r := range w.org.Records("Partner_Commission__c") {
		partner, _ := w.org.Record("Partner__c", text(r["Partner__c"]))
		got[text(r["Commission_Key__c"])] = commission{
			Payee: text(r["Partner_ID__c"]), Partner: text(partner["Partner_ID__c"]), Period: text(r["Period__c"]), Status: text(r["Status__c"]), Reason: text(r["Reason__c"]),
			Base: number(t, r["Base_Amount__c"]).StringFixed(2), Rate: number(t, r["Rate__c"]).String(), Amount: number(t, r["Amount__c"]).StringFixed(2), Currency: text(r["Currency__c"]),
			Regime: text(r["Regime__c"]), Slice: text(r["Slice__c"]), Opportunity: text(r["Opportunity__c"]), Space: text(r["Space__c"]), Account: text(r["Account__c"]),
		}
	}
	same(t, expected, got)
}

func checkPartners(t *testing.T, w *way) {
	got := map[string]string{}
	for _, r := range w.org.Records("Partner__c") {
		got[text(r["Partner_ID__c"])] = fmt.Sprintf("%v, %v, %v, %v", r["Name"], r["Kind__c"], r["Joined_On__c"], r["Status__c"])
	}
	want(t, got, "AA1001", "Alder Consulting, Consulting, 2009-03-01, Active", "BB1002", "Birch Partners, Registered, 2012-01-15, Active",
		"CC1003", "Cedar & Sons, Registered, 2014-12-31, Active", "DD1004", "Dogwood Systems, Consulting, 2013-07-01, Active",
		late, "Larch Late, Registered, 2015-01-01, Active")
}

// checkBook compares what each payee has in the book with what was computed: one
// entry a commission, and their sum in minor units.
func checkBook(t *testing.T, w *way, expected map[string]commission) {
	want, sums, entries := map[string]string{}, map[string]decimal.Decimal{}, map[string]int{}
	for _, c := range expected {
		if c.Status == "Accrued" {
			sums[c.Payee] = sums[c.Payee].Add(decimal.RequireFromString(c.Amount))
			entries[c.Payee]++
			want[c.Payee] = fmt.Sprintf("%d entries, USD %s", entries[c.Payee], sums[c.Payee].Shift(2))
		}
	}
	same(t, want, byKey(t, w, `select payee_id k, format('%s entries, %s %s', count(*), currency, sum(case when credit = 'accrued' then amount_minor
		when debit = 'accrued' then -amount_minor end)) v from ledger.entry group by payee_id, currency`))
}

// checkDoubtful sees exactly the discrepancies that the rules ask for. All are
// about Spaces, so the messy rows of the pipeline are harmless: that none is lost
// is seen by checkFacts, and that no customer is (misspelt countries), here.
func (s *sales) checkDoubtful(t *testing.T, w *way) {
	discrepancies, customers := map[string]string{"unknown_partner_id " + s.spaces["HOUSE-"+unissued]: "hold"}, map[string]string{}
	for name, c := range s.customers {
		customers[c.accountID] = name
		discrepancies["space_without_install "+s.spaces[c.spaceKey]] = "note" // R3.6: the files know no installs
		if c.holder != nobody && c.stated == "" {
			discrepancies["partner_id_missing_in_salesforce "+s.spaces[c.spaceKey]] = "note" // R2.7
		}
		if c.holder == unissued {
			discrepancies["unknown_partner_id "+s.spaces[c.spaceKey]] = "hold" // R2.8
		}
	}
	// R2.6: every record left its row when it was made, so the history is whole and nothing is noted.
	same(t, discrepancies, byKey(t, w, `select kind || ' ' || subject k, case when is_hold then 'hold' else 'note' end v from ledger.discrepancy where resolved_at is null`))
	same(t, customers, byKey(t, w, `select account_id k, name v from ledger.customer where not is_deleted`))
	same(t, map[string]string{}, byKey(t, w, `select l.key k, o.name v from ledger.line l join ledger.opportunity o on o.id = l.source_id where not o.is_won or o.account_id = ''`))
}

// checkExplanations reads the sentence of every line, in the ledger and in
// Salesforce, and the arithmetic of what is accrued (rulebook 10).
func checkExplanations(t *testing.T, w *way, expected map[string]commission) {
	sentences := byKey(t, w, `select key k, coalesce(explanation->>'sentence', '') v from ledger.line`)
	arithmetic := byKey(t, w, `select key k, coalesce(explanation->>'arithmetic', '') v from ledger.line`)
	for _, r := range w.org.Records("Partner_Commission__c") {
		key := text(r["Commission_Key__c"])
		c, sentence := expected[key], sentences[key]
		isWell := sentence != "" && strings.Contains(sentence, c.Payee) && strings.HasPrefix(text(r["Explanation__c"]), sentence)
		if c.Status == "Accrued" {
			isWell = isWell && strings.Contains(sentence, c.Amount+" USD") &&
				strings.Contains(arithmetic[key], c.Base+" USD × 10 %") && strings.Contains(arithmetic[key], c.Amount+" USD")
		}
		if !isWell {
			t.Errorf("%s, %+v, is badly explained: %s %s", key, c, sentence, arithmetic[key])
		}
	}
	if len(sentences) != len(expected) {
		t.Errorf("%d lines, want %d", len(sentences), len(expected))
	}
	// And as a person asks, for a line of every payee.
	p := newProgram(t, w.dsn, w.url)
	for payee, key := range byKey(t, w, `select payee_id k, min(key) v from ledger.line group by payee_id`) {
		out, err := p.command(t.Context(), "explain", key).CombinedOutput()
		if err != nil || !strings.Contains(string(out), sentences[key]) ||
			expected[key].Status == "Accrued" && !strings.Contains(string(out), expected[key].Base+" USD × 10 %") {
			t.Errorf("explain %s of %s (%v) says:\n%s", key, payee, err, out)
		}
	}
}

// checkSecondRun runs again with nothing changed. It may read recent rows twice, not stage them twice.
func checkSecondRun(t *testing.T, w *way) {
	everything := func() map[string]string {
		out := map[string]string{}
		for _, table := range []string{"staging.record", "outbox.record", "ledger.opportunity", "ledger.holding", "ledger.discrepancy", "ledger.line", "ledger.entry", "ledger.chain"} {
			out[table] = fetch[string](t, w.db, `select count(*) || ' ' || md5(string_agg(r::text, '|' order by r::text)) from `+table+" r")
		}
		return out
	}
	before, upserts := everything(), w.org.Requests().Upsert
	for name, report := range w.run() {
		if name == stage.Verify && report.Get(verify.CountDifferences) > 0 {
			t.Errorf("verify: %v", report.Notices)
		}
		for _, c := range report.Counts {
			if c.N != 0 && name != stage.Verify && !strings.HasSuffix(c.Name, " received") {
				t.Errorf("%s: %s: %d, want 0", name, c.Name, c.N)
			}
		}
	}
	same(t, before, everything())
	if n := w.org.Requests().Upsert - upserts; n != 0 {
		t.Errorf("%d upserts were sent to Salesforce", n)
	}
}

// checkIssuedLater issues that ID: what was held accrues by itself, and nothing else moves (R2.8).
func checkIssuedLater(t *testing.T, w *way, expected map[string]commission) {
	w.apply(`partners: [{key: zelkova, name: Zelkova, kind: registered, joined_on: 2014-01-01, partner_ids: [ZZ9999]}]`)
	w.run()
	for key, c := range expected {
		if c.Payee == unissued {
			c.Status, c.Reason, c.Partner = "Accrued", "", unissued
			expected[key] = c
		}
	}
	checkCommissions(t, w, expected)
	checkBook(t, w, expected)
}

// A row that cannot be read is named, and nothing of its directory is kept.
func TestRealInput_RowThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ header, row, want string }{
		{"Id,Name,Amount,CloseDate,StageName", "0065g00001C1I7B,GTXPro,45l4,2017-03-11,Closed Won", "Opportunity.csv, line 3, column Amount"},
		{"Id,Name,Amount,CloseDate,StageName", "0065g00001C1I7B,GTXPro,4514,3/11/2017,Closed Won", "Opportunity.csv, line 3, column CloseDate"},
		{"Id,Name,close_value,CloseDate,StageName", "0065g00001C1I7B,GTXPro,4514,2017-03-11,Closed Won", "Opportunity.csv, line 1, column close_value"},
	} {
		dir, org := t.TempDir(), emulator.New(emulator.Options{})
		good := []string{"0065g00001C1I7A", "GTXPro", "1054", "2017-03-01", "Closed Won"}
		writeCSV(t, dir, "Opportunity", [][]string{strings.Split(c.header, ","), good, strings.Split(c.row, ",")})
		err := org.LoadDir(dir)
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), c.want) || org.Count("Opportunity") != 0 {
			t.Errorf("%d records were kept, and it says %v; want none, and one that names %s", org.Count("Opportunity"), err, c.want)
		}
	}
}

// byKey gives the columns k and v of a query.
func byKey(t *testing.T, w *way, query string) map[string]string {
	t.Helper()
	var rows []struct{ K, V string }
	must(t, w.db.Select(&rows, query))
	out := map[string]string{}
	for _, r := range rows {
		out[r.K] = r.V
	}
	return out
}

// same compares two maps and shows where they differ, within reason.
func same[V any](t *testing.T, want, got map[string]V) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%d wanted, %d there; -want +got:\n%.4000s", len(want), len(got), d)
	}
}

// readCSV gives the rows of a file by the names in its header.
func readCSV(t *testing.T, path string) (out []map[string]string) {
	f, err := os.Open(path)
	must(t, err)
	rows, err := csv.NewReader(f).ReadAll()
	must(t, errors.Join(err, f.Close()))
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

func writeCSV(t *testing.T, dir, object string, rows [][]string) {
	f, err := os.Create(filepath.Join(dir, object+".csv"))
	must(t, err)
	must(t, errors.Join(csv.NewWriter(f).WriteAll(rows), f.Close()))
}

func id18(t *testing.T, id15 string) string {
	id, err := sfid.Parse(id15)
	must(t, err)
	return id
}
