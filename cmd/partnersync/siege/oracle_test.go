package siege_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
)

// check is the oracle: whatever a case did, this holds when quiet has returned.
func (w *world) check() {
	w.t.Helper()
	w.ageRuns() // nothing of the program is left that runs
	w.settle()
	w.checkAccounted()
	w.checkVerify()
	w.checkSalesforce()
	w.checkNothingChanges()
	w.checkRuns()
}

// kept says where the facts of an object are.
var kept = map[string]struct{ table, id string }{
	"Account":                 {"ledger.customer", "account_id"},
	"sfLma__License__c":       {"ledger.install", "id"},
	"Space_Org__c":            {"ledger.connection", "id"},
	"Space__c":                {"ledger.space", "id"},
	"Space_User__c":           {"ledger.profile_record", "id"},
	"Space_Invitation__c":     {"ledger.invitation", "id"},
	"Opportunity":             {"ledger.opportunity", "id"},
	"Partner_Registration__c": {"ledger.registration", "id"},
	"Partner_Engagement__c":   {"ledger.engagement", "id"},
	"Space__History":          {},
	"Space_User__History":     {},
}

// version is the newest of a record that is known.
type version struct {
	Stamp   time.Time `db:"stamp"`
	Deleted bool      `db:"is_deleted"`
	Waits   bool      `db:"waits"`
	// Vanished: a recount has found it nowhere, and holds what it earned.
	Vanished bool `db:"vanished"`
}

// shows gives what an org shows of an object now, deleted records included.
func (o *observer) shows(object string) map[string]version {
	o.t.Helper()
	stamp, where := "SystemModstamp", ""
	if strings.HasSuffix(object, "History") {
		stamp, where = "CreatedDate", " WHERE Field = 'Partner_ID__c'"
	}
	out := map[string]version{}
	for _, r := range o.queryAll("SELECT Id, IsDeleted, " + stamp + " FROM " + object + where) {
		at, err := time.Parse("2006-01-02T15:04:05.000-0700", fmt.Sprint(r[stamp]))
		must(o.t, err)
		out[fmt.Sprint(r["Id"])] = version{Stamp: at.UTC(), Deleted: r["IsDeleted"] == true}
	}
	return out
}

// shown lists the ids of all that the org shows.
func (o *observer) shown() map[string][]string {
	o.t.Helper()
	out := map[string][]string{}
	for object := range kept {
		for id := range o.shows(object) {
			out[object] = append(out[object], id)
		}
	}
	return out
}

// staged gives the newest version of each record of an object in staging.
func (w *world) staged(object string) map[string]version {
	w.t.Helper()
	var rows []struct {
		ID string `db:"id"`
		version
	}
	must(w.t, w.db.Select(&rows, `
		select distinct on (id) id, modstamp as stamp, is_deleted, reconciled_at is null as waits, vanished_at is not null as vanished
		from staging.record where object = $1 order by id, modstamp desc`, object))
	out := map[string]version{}
	for _, r := range rows {
		r.Stamp = r.Stamp.UTC()
		out[r.ID] = r.version
	}
	return out
}

// checkAccounted compares the org's records with staging and with the facts.
func (w *world) checkAccounted() {
	w.t.Helper()
	for object, k := range kept {
		org, staged := w.seer.shows(object), w.staged(object)
		for id, want := range org {
			switch got, ok := staged[id]; {
			case !ok:
				w.t.Errorf("%s %s is in the org and was never staged", object, id)
			case got.Waits:
				w.t.Errorf("%s %s is staged and not reconciled", object, id)
			case got.Deleted == want.Deleted && !got.Vanished && got.Stamp.After(want.Stamp):
				// It was stamped backwards: a recount has staged what it says under the later stamp.
			case got != want:
				w.t.Errorf("%s %s is staged as %v, and the org has %v", object, id, got, want)
			}
		}
		for id, v := range staged {
			isKept := k.table == "" // rows of a history are kept when Salesforce purges them (R2.6)
			if _, ok := org[id]; !ok && !v.Deleted && !v.Vanished && !isKept {
				w.t.Errorf("%s %s is staged as alive, and the org has it no more", object, id)
			}
		}
		if k.table != "" {
			w.checkFacts(object, k.table, k.id, staged)
		}
	}
	w.checkSales()
}

// checkFacts: what is staged is a fact of its newest version, or a discrepancy.
func (w *world) checkFacts(object, table, id string, staged map[string]version) {
	w.t.Helper()
	var rows []struct {
		ID string `db:"id"`
		version
	}
	must(w.t, w.db.Select(&rows, `select `+id+` as id, modstamp as stamp, is_deleted from `+table))
	facts := map[string]version{}
	for _, r := range rows {
		facts[r.ID] = r.version
	}
	var noted []string
	must(w.t, w.db.Select(&noted, `select subject from ledger.discrepancy where resolved_at is null`))
	for key, want := range staged {
		got, ok := facts[key]
		if (!ok || !got.Stamp.Equal(want.Stamp) || got.Deleted != want.Deleted) && !slices.Contains(noted, key) {
			w.t.Errorf("%s %s is neither a fact nor a discrepancy: staged %v, fact %v (%t)", object, key, want, got, ok)
		}
	}
}

// checkSales compares what decides on money, field by field.
func (w *world) checkSales() {
	w.t.Helper()
	facts := map[string]string{}
	var rows []struct{ ID, Says string }
	must(w.t, w.db.Select(&rows, `
		select id, concat_ws('|', trim_scale(amount)::text, close_date::text, stage, case when is_deleted then '' else account_id end, is_deleted::text) as says
		from ledger.opportunity where not is_unreadable and amount is not null`))
	for _, r := range rows {
		facts[r.ID] = r.Says
	}
	for _, r := range w.seer.queryAll("SELECT Id, Amount, CloseDate, StageName, AccountId, IsDeleted FROM Opportunity WHERE Amount != null") {
		amount, err := decimal.NewFromString(fmt.Sprint(r["Amount"]))
		must(w.t, err)
		parts := []string{amount.String()}
		for _, f := range []string{"CloseDate", "StageName", "AccountId", "IsDeleted"} {
			if r[f] != nil && (f != "AccountId" || r["IsDeleted"] == false) { // a merge moves what is in the bin, and no stamp tells
				parts = append(parts, fmt.Sprint(r[f]))
			} else {
				parts = append(parts, "")
			}
		}
		if want, got := strings.Join(parts, "|"), facts[fmt.Sprint(r["Id"])]; got != want && got != "" {
			w.t.Errorf("the sale %v is %q in the ledger and %q in the org; staged are:%s", r["Id"], got, want, w.versions(fmt.Sprint(r["Id"])))
		}
	}
}

// versions lists what is staged of a record.
func (w *world) versions(id string) (text string) {
	w.t.Helper()
	var rows []string
	must(w.t, w.db.Select(&rows, `select concat_ws(' ', modstamp, is_deleted, 'pulled', pulled_at, 'reconciled', reconciled_at, payload) from staging.record where id = $1 order by modstamp`, id))
	return "\n" + strings.Join(rows, "\n")
}

// checkVerify asks the program itself.
func (w *world) checkVerify() {
	w.t.Helper()
	if code, text := w.exec("ledger", "verify", "--salesforce"); code != 0 {
		w.t.Errorf("ledger verify --salesforce: exit %d\n%s", code, text)
	}
}

var statuses = map[string]string{"accrued": "Accrued", "on_hold": "On Hold", "zero": "Zero", "void": "Void"}

// checkSalesforce compares the commissions there with the lines here by a query
// of its own, and looks for keys that are there twice.
func (w *world) checkSalesforce() {
	w.t.Helper()
	want, got := map[string]string{}, map[string]string{}
	var lines []struct {
		Key, Payee, Period, Currency, Status string
		Minor                                int64
	}
	must(w.t, w.db.Select(&lines, `
		select key, payee_id as payee, period, currency, status, amount_minor as minor from ledger.line`))
	for _, l := range lines {
		want[l.Key] = strings.Join([]string{l.Payee, l.Period, l.Currency, statuses[l.Status], decimal.New(l.Minor, -2).String()}, "|")
	}
	for _, r := range w.seer.queryAll("SELECT Commission_Key__c, Partner_ID__c, Period__c, Currency__c, Status__c, Amount__c, Reason__c FROM Partner_Commission__c") {
		key := fmt.Sprint(r["Commission_Key__c"])
		if _, twice := got[key]; twice {
			w.t.Errorf("Salesforce has the commission %s twice", key)
		}
		amount, err := decimal.NewFromString(fmt.Sprint(r["Amount__c"]))
		must(w.t, err)
		got[key] = strings.Join([]string{
			fmt.Sprint(r["Partner_ID__c"]), fmt.Sprint(r["Period__c"]), fmt.Sprint(r["Currency__c"]), fmt.Sprint(r["Status__c"]), amount.String(),
		}, "|")
		if _, ok := want[key]; !ok && r["Reason__c"] == "withdrawn" {
			delete(got, key)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		w.t.Errorf("Salesforce (+) is not what the book (-) says:\n%s", head(d))
	}
	for object, key := range map[string]string{"Partner__c": "Partner_ID__c", "Partner_Statement__c": "Statement_Key__c"} {
		seen := map[any]bool{}
		for _, r := range w.seer.queryAll("SELECT " + key + " FROM " + object) {
			if seen[r[key]] {
				w.t.Errorf("Salesforce has the %s %v twice", object, r[key])
			}
			seen[r[key]] = true
		}
	}
}

// checkNothingChanges: one more run writes nothing, here or there.
func (w *world) checkNothingChanges() {
	w.t.Helper()
	before := w.everything()
	if r := w.run("all"); !r.isDone() {
		w.t.Errorf("one more run exits with %d:\n%s", r.code, r.text)
	}
	if d := cmp.Diff(before, w.everything()); d != "" {
		w.t.Errorf("one more run has changed something:\n%s", head(d))
	}
}

// everything is a hash of each table, and of what stands in Salesforce.
func (w *world) everything() map[string]string {
	w.t.Helper()
	out := hashes(w.t, w.db)
	for _, object := range []string{"Partner__c", "Partner_Statement__c", "Partner_Commission__c"} {
		var all []string
		for _, r := range w.seer.queryAll("SELECT Id, SystemModstamp FROM " + object) {
			all = append(all, fmt.Sprint(r["Id"], r["SystemModstamp"]))
		}
		slices.Sort(all)
		out[object] = strings.Join(all, "\n")
	}
	return out
}

// passing are columns in which every run may write: when something was last seen.
const passing = `('seen_at', 'checked_on', 'posted_at', 'posted_by', 'updated_at', 'asked_at')`

// hashes gives a hash of each table of staging, ledger and outbox.
func hashes(t testing.TB, db *sqlx.DB) map[string]string {
	t.Helper()
	var tables []struct{ Name, Columns string }
	must(t, db.Select(&tables, `
		select format('%I.%I', c.table_schema, c.table_name) as name,
			string_agg(format('%I::text', c.column_name), ', ' order by c.ordinal_position) as columns
		from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
		where c.table_schema in ('staging', 'ledger', 'outbox') and t.table_type = 'BASE TABLE'
			and not (c.column_name in `+passing+` and c.table_name not in ('entry', 'record'))
		group by 1 order by 1`))
	out := map[string]string{}
	for _, table := range tables {
		if table.Name == "staging.cursor" {
			continue // it moves with the org's clock
		}
		out[table.Name] = fetch[string](t, db, `
			select count(*) || ' ' || coalesce(md5(string_agg(h, '' order by h)), '')
			from (select md5(concat_ws('|', `+table.Columns+`)) as h from `+table.Name+`) rows`)
	}
	return out
}
