package wholeway_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/reconcile"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
	"github.com/partnersync/partnersync/sync/verify"
)

// yaml writes the plan as `partnersync apply` reads it.
func (t *terms) yaml() string {
	var b strings.Builder
	b.WriteString("plans:\n")
	for _, p := range t.plans {
		fmt.Fprintf(&b, "  - effective_from: %v\n    space:\n      referral_rate: %s\n", p.from, p.rate)
		if p.cutoff != never {
			fmt.Fprintf(&b, "      joined_before: %v\n", p.cutoff)
		} else {
			b.WriteString("      joined_before: none\n")
		}
		fmt.Fprintf(&b, "      beside: %v\n", p.beside)
		fmt.Fprintf(&b, "    registration: {referral_rate: %s, net_new_rate: %s, remainder_rate: %s, engagement_days: %d, window_days: %d}\n",
			p.deal.referral, p.deal.netNew, p.deal.remainder, p.deal.engaged, p.deal.window)
		fmt.Fprintf(&b, "    net_new: {renewal_days: %d, types: {new_business: [New Business], expansion: [Upsell], renewal: [Renewal]}}\n", p.renewal)
		if p.payoutIn != "" {
			fmt.Fprintf(&b, "    payout_currency: %s\n", p.payoutIn)
		}
	}
	return b.String()
}

func (t *terms) ratesYAML(batch int) string {
	return t.ratesOf(func(r rateFact) bool { return r.batch == batch })
}

func (t *terms) allRatesYAML() string { return t.ratesOf(func(rateFact) bool { return true }) }

// ratesOf writes the exchange rates of which is says yes.
func (t *terms) ratesOf(is func(rateFact) bool) string {
	var b strings.Builder
	for _, r := range t.rates {
		if is(r) {
			fmt.Fprintf(&b, "  - {from: %s, to: %s, on: %v, rate: %s}\n", r.from, r.to, r.on, r.rate)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "exchange_rates:\n" + b.String()
}

// yaml writes the partner with a status.
func (p partnerFact) yaml(status string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - key: %s\n    name: %s\n    joined_on: %v\n    status: %s\n    partner_ids: [%s]\n    domains: [%s]\n    kinds:\n",
		p.key, p.key, p.joined, status, strings.Join(p.ids, ", "), strings.Join(p.domains, ", "))
	for _, k := range p.kinds {
		if k.from == never {
			fmt.Fprintf(&b, "      - {kind: %s}\n", k.kind)
		} else {
			fmt.Fprintf(&b, "      - {kind: %s, from: %v}\n", k.kind, k.from)
		}
	}
	if p.mergedInto != "" {
		fmt.Fprintf(&b, "    merged_into: %s\n    merged_on: %v\n", p.mergedInto, p.mergedOn)
	}
	return b.String()
}

// stages is the program under test: a database and its stages.
type stages struct {
	t     testing.TB
	db    *sqlx.DB
	clock *clock.Manual
	terms *terms
	first stage.Stage
	then  stage.Stage
}

func newStages(t testing.TB, terms *terms) *stages {
	t.Helper()
	db := pgtest.New(t)
	c := clock.NewManual(terms.now)
	return &stages{
		t: t, db: db, clock: c, terms: terms,
		first: reconcile.New(reconcile.Config{DB: db, Mapping: mapping.Default(), Clock: c, Zone: terms.zone, Currency: "USD"}),
		then:  accrue.New(accrue.Config{DB: db, Clock: c, Zone: terms.zone, GoLive: goLive(terms)}),
	}
}

func goLive(t *terms) book.GoLive {
	if t.goLive == never {
		return book.GoLive{Decided: true}
	}
	return book.GoLive{On: programDate(t.goLive), Decided: true}
}

func programDate(c civil) clock.Date {
	y, m, d := c.time().Date()
	return clock.NewDate(y, m, d)
}

// apply applies partners and plans.
func (p *stages) apply(text string) {
	p.t.Helper()
	f, err := apply.Read(strings.NewReader(text), "oracle")
	if err != nil {
		p.t.Fatal(err)
	}
	must(p.t, pg.InTx(context.Background(), p.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "oracle", Zone: p.terms.zone, Now: p.clock.Now(), Alone: true})
		return err
	}))
}

// feed gives the program the worlds, batch by batch. order shuffles what one
// batch brings.
func (p *stages) feed(worlds []*world, order *rand.Rand) {
	p.t.Helper()
	p.apply(p.terms.yaml())
	for b := range batches {
		p.clock.Advance(time.Second)
		if b < batches-1 && len(worlds) == 1 && !worlds[0].isIn(b) {
			continue
		}
		p.partners(worlds, b)
		p.stage(worlds, b, order)
		p.pass(b)
	}
}

// isIn says whether a batch brings anything of a world.
func (w *world) isIn(batch int) bool {
	return slices.ContainsFunc(w.versions, func(v version) bool { return slices.Contains(v.batches, batch) }) ||
		slices.ContainsFunc(w.partners, func(p partnerFact) bool { return slices.Contains(p.batches, batch) })
}

// partners applies the partners of a batch.
func (p *stages) partners(worlds []*world, batch int) {
	var b strings.Builder
	for _, w := range worlds {
		for _, f := range w.partners {
			if slices.Contains(f.batches, batch) {
				status := f.status
				if f.first != "" && batch != f.batches[len(f.batches)-1] {
					status = f.first
				}
				b.WriteString(f.yaml(status))
			}
		}
	}
	text := p.terms.ratesYAML(batch)
	if len(worlds) == 1 && batch == batches-1 { // batches before it may have been left out
		text = p.terms.allRatesYAML()
	}
	if b.Len() > 0 {
		text += "partners:\n" + b.String()
	}
	if text != "" {
		p.apply(text)
	}
}

// stage puts the versions of a batch, object by object, in any order.
func (p *stages) stage(worlds []*world, batch int, order *rand.Rand) {
	p.t.Helper()
	by := map[string][]staging.Record{}
	for _, w := range worlds {
		for _, v := range w.versions {
			if slices.Contains(v.batches, batch) {
				r, err := staging.Receive(v.object, stampField(v.object), v.payload())
				must(p.t, err)
				by[v.object] = append(by[v.object], r)
			}
		}
	}
	objects := sortedKeys(by)
	order.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	for _, o := range objects {
		list := by[o]
		order.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		must(p.t, pg.InTx(context.Background(), p.db, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := staging.Put(ctx, tx, o, list, p.clock.Now())
			return err
		}))
	}
}

// pass runs reconcile and accrue once, through the day that a person gives if
// the terms say so. The last pass may go further, by itself.
func (p *stages) pass(batch int) {
	p.t.Helper()
	o := stage.Options{Actor: "oracle"}
	if p.terms.explicit != never && (batch < batches-1 || p.terms.asOf == p.terms.explicit) {
		o.AsOf = programDate(p.terms.explicit)
	}
	for _, s := range []stage.Stage{p.first, p.then} {
		r, err := s.Run(context.Background(), o)
		if err != nil {
			p.t.Fatalf("%s: %v", s.Name(), err)
		}
		if r.Deferred != "" {
			p.t.Fatalf("%s did nothing: %s", s.Name(), r.Deferred)
		}
	}
	if batch == batches-1 {
		p.verify()
	}
}

// verify holds the book against itself and the facts: whatever happened, in whatever
// order it was told, nothing differs (R8.3).
func (p *stages) verify() {
	p.t.Helper()
	r, err := verify.New(verify.Config{DB: p.db, Clock: p.clock, Zone: p.terms.zone}).Verify(context.Background(), nil)
	must(p.t, err)
	if d, differs := r.First(); differs {
		p.t.Errorf("%d differences, the first is %+v", r.Differences(), d)
	}
}

// row is a line as the program has it, with the sum of its entries.
type row struct {
	Key      string `db:"key"`
	Payee    string `db:"payee_id"`
	Regime   string `db:"regime"`
	Source   string `db:"source_id"`
	Slice    string `db:"slice"`
	Period   string `db:"period"`
	Currency string `db:"currency"`
	Minor    int64  `db:"amount_minor"`
	Status   string `db:"status"`
	Reason   string `db:"reason"`
	Posted   int64  `db:"posted"`
}

// rows gives the program's lines by source.
func (p *stages) rows() map[string][]row {
	p.t.Helper()
	var list []row
	must(p.t, p.db.Select(&list, `select l.key, l.payee_id, l.regime, l.source_id, l.slice, l.period, l.currency, l.amount_minor,
			l.status, l.reason, coalesce(e.posted, 0) as posted
		from ledger.line l left join (
			select line_key, sum(case when credit = 'accrued' then amount_minor else -amount_minor end) as posted
			from ledger.entry group by line_key) e on e.line_key = l.key
		order by l.key`))
	out := map[string][]row{}
	for _, r := range list {
		out[r.Source] = append(out[r.Source], r)
	}
	return out
}

// problem is an open discrepancy.
type problem struct {
	Kind    string `db:"kind"`
	Subject string `db:"subject"`
	IsHold  bool   `db:"is_hold"`
	Detail  string `db:"detail"`
}

// problems gives the open discrepancies by subject.
func (p *stages) problems() map[string][]problem {
	p.t.Helper()
	var list []problem
	must(p.t, p.db.Select(&list, `select kind, subject, is_hold, detail from ledger.discrepancy
		where resolved_at is null order by subject, kind`))
	out := map[string][]problem{}
	for _, d := range list {
		out[d.Subject] = append(out[d.Subject], d)
	}
	return out
}

// answer is all that the program says about the worlds.
type answer struct {
	rows     map[string][]row
	problems map[string][]problem
	holdings map[string][]string // by subject, for a person
}

// answer reads it.
func (p *stages) answer() answer { return answer{p.rows(), p.problems(), p.holdings()} }

// holdings gives what the program believes of who held what, in words.
func (p *stages) holdings() map[string][]string {
	p.t.Helper()
	var list []struct{ Subject, Said string }
	must(p.t, p.db.Select(&list, `select subject, format('%s from %s: %s %s', subject, at at time zone 'utc', partner_id, cause) as said
		from ledger.holding where superseded_at is null order by subject, at`))
	out := map[string][]string{}
	for _, h := range list {
		out[h.Subject] = append(out[h.Subject], h.Said)
	}
	return out
}
