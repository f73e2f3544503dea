package attribution_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// account is the id of a test's Account.
func account(tail string) string { return id("0010", tail) }

func saveAccounts(l *underTest, cs ...ledger.Customer) {
	l.t.Helper()
	for i := range cs {
		cs[i].Modstamp = l.now
	}
	l.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := ledger.SaveCustomers(ctx, tx, cs)
		return err
	})
}

// proposals gives, of each Space noted customer_to_confirm, what the note says.
func proposals(l *underTest) map[string]string {
	l.now = l.now.AddDate(0, 0, 1)
	l.endPass()
	open, err := ledger.Discrepancies(context.Background(), l.db, ledger.DiscrepancyFilter{Kind: "customer_to_confirm"})
	if err != nil {
		l.t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range open {
		if d.IsHold || d.Rule != "R1.4" || d.Object != "Space" {
			l.t.Errorf("%+v", d)
		}
		_, says, _ := strings.Cut(d.Detail, "is that of ")
		out[d.Subject], _, _ = strings.Cut(says, ". If")
	}
	return out
}

// TestR1_4_ADomainProposesACustomer: the domain of a Space's creator proposes the
// Accounts whose website has it, and no more than proposes.
func TestR1_4_ADomainProposesACustomer(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	if _, err := db.Exec(`update ledger.partner set domains = '{partner.example}' where key = 'FG3877'`); err != nil {
		t.Fatal(err)
	}
	saveAccounts(
		l,
		ledger.Customer{AccountID: account("A"), Name: "Client", Domain: "client.example"},
		ledger.Customer{AccountID: account("B"), Name: "Client Labs", Domain: "client.example"},
		ledger.Customer{AccountID: account("C"), Name: "Gone", Domain: "client.example", IsDeleted: true},
		ledger.Customer{AccountID: account("D"), Name: "Partner Ltd", Domain: "partner.example"},
		ledger.Customer{AccountID: account("E"), Name: "Freelancer", Domain: "gmail.com"},
		ledger.Customer{AccountID: account("F"), Name: "Bought", Domain: "bought.example", MasterAccountID: account("A"), IsDeleted: true},
	)
	named := anySpace(3, "zoe@client.example", 1)
	s := named.fact.(attribution.Space)
	s.ID, s.Key, s.AccountID = spaceID(4), "S4", account("D")
	named.fact = s
	for i, creator := range []string{"ana@mail.client.example", "bot@partner.example", "ana@gmail.com", "bo@bought.example"} {
		l.save([]item{anySpace(i, creator, 1)})
	}
	l.save([]item{named})
	l.replayBy(10)
	client := `Account "Client" (` + account("A") + `)`
	want := map[string]string{
		spaceID(0): client + ` and Account "Client Labs" (` + account("B") + `)`,
		spaceID(3): client, // the survivor of the Account that had the domain
	}
	if d := cmp.Diff(want, proposals(l)); d != "" {
		t.Fatalf("(-want +proposed):\n%s", d)
	}
	var customers []string
	if err := db.Select(&customers, `select distinct customer_id from ledger.space where customer_id <> ''`); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{account("D")}, customers); d != "" {
		t.Errorf("a proposal identified a customer (-want +got):\n%s", d)
	}

	// Another Account is found, a website changes, and a person confirms.
	saveAccounts(l, ledger.Customer{AccountID: account("A"), Name: "Client", Domain: "elsewhere.example"})
	confirmed := anySpace(3, "bo@bought.example", 1)
	s = confirmed.fact.(attribution.Space)
	s.AccountID, s.Modstamp = account("A"), slotTime(25)
	confirmed.fact = s
	l.save([]item{confirmed})
	want = map[string]string{spaceID(0): `Account "Client Labs" (` + account("B") + `)`}
	if d := cmp.Diff(want, proposals(l)); d != "" {
		t.Errorf("later (-want +proposed):\n%s", d)
	}
	// The domain turns out to be a partner's.
	if _, err := db.Exec(`update ledger.partner set domains = '{partner.example,client.example}' where key = 'FG3877'`); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{}, proposals(l)); d != "" {
		t.Errorf("of a partner's domain (-want +proposed):\n%s", d)
	}
}

// TestR1_4_ManyAccountsOfOneDomain: a note names a few and counts the rest.
func TestR1_4_ManyAccountsOfOneDomain(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	for _, tail := range []string{"A", "B", "C", "D", "E", "F", "G"} {
		saveAccounts(l, ledger.Customer{AccountID: account(tail), Name: tail, Domain: "client.example"})
	}
	l.save([]item{anySpace(0, ana, 1)})
	l.replayBy(1)
	if got := proposals(l)[spaceID(0)]; !strings.HasSuffix(got, ") and 2 more") || strings.Count(got, "Account") != 5 {
		t.Errorf("says %q", got)
	}
}

func orgID(tail string) string { return id("00D0", tail) }

func saveInstalls(l *underTest, is ...attribution.Install) {
	l.t.Helper()
	l.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		for i := range is {
			is[i].ID, is[i].Modstamp = id("a0L0", is[i].OrgID[14:15]), l.now
		}
		return attribution.SaveInstalls(ctx, tx, is, l.now)
	})
}

func connect(l *underTest, cs ...attribution.Connection) {
	l.t.Helper()
	l.now = l.now.AddDate(0, 0, 1)
	l.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		for i := range cs {
			cs[i].Modstamp = l.now
		}
		return attribution.SaveConnections(ctx, tx, cs, l.now)
	})
}

func customerOf(l *underTest, space string) (customer string) {
	l.t.Helper()
	if err := l.db.Get(&customer, `select customer_id from ledger.space where id = $1`, space); err != nil {
		l.t.Fatal(err)
	}
	return customer
}

// TestR1_4_AnOrgGivesTheCustomer: a Space without an Account has its orgs', in
// whatever order Space, install and connection come; its own Account beats them.
func TestR1_4_AnOrgGivesTheCustomer(t *testing.T) {
	db := pgtest.New(t)
	space := anySpace(0, ana, 1)
	install := attribution.Install{OrgID: orgID("A"), AccountID: account("A"), InstalledOn: clock.NewDate(2020, 5, 1)}
	connection := attribution.Connection{ID: id("a0C0", "A"), SpaceID: spaceID(0), OrgID: orgID("A"), ConnectedAt: slotTime(2)}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}} {
		l := newLedger(t, db, nil)
		for _, what := range order {
			switch what {
			case 0:
				l.save([]item{space})
			case 1:
				saveInstalls(l, install)
			case 2:
				connect(l, connection)
			}
		}
		if got := customerOf(l, spaceID(0)); got != account("A") {
			t.Errorf("in the order %v the customer is %q", order, got)
		}
		gone := connection
		gone.IsDeleted = true
		connect(l, gone)
		if got := customerOf(l, spaceID(0)); got != "" {
			t.Errorf("without the connection the customer is %q", got)
		}
		if pending, err := attribution.Pending(t.Context(), db); err != nil || pending == 0 {
			t.Errorf("nothing is worked out again (%v)", err)
		}
	}
}

// TestR3_6_SandboxesBelongToTheCustomerOfTheirProductionOrg: a QuickStart was run in
// a sandbox, whose licence names another Account; later its production org was
// connected. Every refresh of the sandbox is a new org.
func TestR3_6_SandboxesBelongToTheCustomerOfTheirProductionOrg(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	sandbox, production, refreshed, second := orgID("A"), orgID("B"), orgID("C"), orgID("D")
	saveInstalls(
		l,
		attribution.Install{OrgID: sandbox, IsSandbox: true, AccountID: account("X"), InstalledOn: clock.NewDate(2020, 1, 1)},
		attribution.Install{OrgID: production, AccountID: account("A"), InstalledOn: clock.NewDate(2020, 5, 1)},
		attribution.Install{OrgID: refreshed, IsSandbox: true, AccountID: account("Y"), InstalledOn: clock.NewDate(2020, 5, 1)},
		attribution.Install{OrgID: second, IsSandbox: true, InstalledOn: clock.NewDate(2020, 5, 1)},
	)
	l.save([]item{quickStart(0, ana, sandbox, 1)})
	l.save([]item{anySpace(1, ana, 1)})
	if got := customerOf(l, spaceID(0)); got != account("X") {
		t.Errorf("of a sandbox alone, the customer is %q", got)
	}
	connect(
		l,
		attribution.Connection{ID: id("a0C0", "A"), SpaceID: spaceID(0), OrgID: production, ConnectedAt: slotTime(2)},
		attribution.Connection{ID: id("a0C0", "B"), SpaceID: spaceID(0), OrgID: refreshed, ConnectedAt: slotTime(3), DisconnectedAt: slotTime(5)},
		attribution.Connection{ID: id("a0C0", "C"), SpaceID: spaceID(1), OrgID: second, ConnectedAt: slotTime(3), DisconnectedAt: slotTime(4)},
		attribution.Connection{ID: id("a0C0", "D"), SpaceID: spaceID(0), OrgID: second, ConnectedAt: slotTime(4)},
	)
	if got := customerOf(l, spaceID(0)); got != account("A") {
		t.Errorf("the customer of the production org is %s, the Space's is %q", account("A"), got)
	}
	if got := customerOf(l, spaceID(1)); got != "" {
		t.Errorf("a sandbox without an Account gives the customer %q", got)
	}
	got, err := attribution.OrgHistories(t.Context(), db, []string{sandbox, production, refreshed, second, orgID("Z")})
	if err != nil {
		t.Fatal(err)
	}
	stay := func(space int, customer string, from, to int, record string) attribution.OrgStay {
		s := attribution.OrgStay{SpaceID: spaceID(space), CustomerID: customer, From: slotTime(from), RecordID: record}
		if to > 0 {
			s.To = slotTime(to)
		}
		return s
	}
	want := map[string][]attribution.OrgStay{
		sandbox:    {stay(0, account("A"), 1, 0, spaceID(0))},
		production: {stay(0, account("A"), 2, 0, id("a0C0", "A"))},
		refreshed:  {stay(0, account("A"), 3, 5, id("a0C0", "B"))},
		second:     {stay(1, "", 3, 4, id("a0C0", "C")), stay(0, account("A"), 4, 0, id("a0C0", "D"))},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestR1_4_AnOrgBelongsToOneSpaceAtATime: the last to claim it has it, and a person
// is asked while two do.
func TestR1_4_AnOrgBelongsToOneSpaceAtATime(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save([]item{quickStart(0, ana, orgID("A"), 1)})
	l.save([]item{anySpace(1, ana, 1)})
	l.save([]item{anySpace(2, ana, 1)})
	long := attribution.Connection{ID: id("a0C0", "A"), SpaceID: spaceID(1), OrgID: orgID("A"), ConnectedAt: slotTime(3)}
	brief := attribution.Connection{ID: id("a0C0", "B"), SpaceID: spaceID(2), OrgID: orgID("A"), ConnectedAt: slotTime(5), DisconnectedAt: slotTime(6)}
	connect(l, long, brief)
	l.replayBy(10)
	l.endPass()
	if got := openKinds(l); !strings.Contains(got, "org_in_several_spaces") {
		t.Errorf("open are %q", got)
	}
	all, err := attribution.OrgHistories(t.Context(), db, []string{orgID("A")})
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, s := range all[orgID("A")] {
		shown = append(shown, s.From.Format("15")+"-"+s.SpaceID[14:15])
	}
	if got := strings.Join(shown, " "); got != "01-"+idTails[0]+" 03-"+idTails[1]+" 05-"+idTails[2]+" 06-"+idTails[1] {
		t.Errorf("the org's Spaces: %s", got)
	}
	long.DisconnectedAt = slotTime(5)
	connect(l, long)
	l.endPass()
	if got := openKinds(l); strings.Contains(got, "org_in_several_spaces") {
		t.Errorf("open are %q", got)
	}
}
