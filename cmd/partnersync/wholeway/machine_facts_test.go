package wholeway_test

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
)

// The plan of every sequence, and who takes part. A fifth partner joins too late for
// the Space regime (R4.3), and the ID ZZ9999 is nobody's until it is issued (R2.8).
const machinePlan = `plans: [{plan: default, effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}]
`

const idOfNobody = "ZZ9999"

// machineFacts are the facts that a sequence has made so far.
type machineFacts struct {
	partners  []*machinePartner
	customers []*machineCustomer
	sales     map[string]*machineSale
	points    int // changes of Partner IDs so far
}

type machinePartner struct {
	key, joined string
	ids         []string // the first is the primary one
	suspended   bool
	into        *machinePartner // into which it merged; nil if it did not
	mergedOn    clock.Date
}

// yaml is the partner as it is applied.
func (p *machinePartner) yaml() string {
	status := "active"
	if p.suspended {
		status = "suspended"
	}
	ids := ""
	for i, id := range p.ids {
		if i > 0 {
			ids += ", "
		}
		ids += id
	}
	merged := ""
	if p.into != nil {
		merged = fmt.Sprintf(", merged_into: %s, merged_on: %s", p.into.key, p.mergedOn)
	}
	return fmt.Sprintf("  - {key: %s, name: %s Ltd, kind: registered, joined_on: %s, status: %s, partner_ids: [%s]%s}\n",
		p.key, p.key, p.joined, status, ids, merged)
}

// machineCustomer is a customer with its only Space.
type machineCustomer struct {
	account, space string
	merged         bool
	points         []machinePoint
}

// machinePoint: from an instant on a Space holds a Partner ID, "" for none.
type machinePoint struct {
	at time.Time
	id string
}

// machineSale is an opportunity.
type machineSale struct {
	id         string
	customer   *machineCustomer
	namesSpace bool
	amount     *big.Rat // nil: it has none
	currency   string
	close      clock.Date
	start, end clock.Date // no dates: point revenue
	won        bool
	deleted    bool
	hands      []string // who had a hand in what lies underneath
}

// What rapid writes of them when a sequence fails.
func (p *machinePartner) GoString() string  { return p.key }
func (c *machineCustomer) GoString() string { return c.account }
func (s *machineSale) GoString() string {
	amount := "none"
	if s.amount != nil {
		amount = s.amount.FloatString(3)
	}
	return fmt.Sprintf("%s %s %s, closed %s, term %s to %s, of %s", s.id, amount, s.currency, s.close, s.start, s.end, s.customer.account)
}

func newMachineFacts() *machineFacts {
	return &machineFacts{sales: map[string]*machineSale{}, partners: []*machinePartner{
		{key: "north", joined: "2015-01-01", ids: []string{"FG3877", "AB1234"}},
		{key: "blue", joined: "2016-01-01", ids: []string{"KM5521"}},
		{key: "tern", joined: "2017-01-01", ids: []string{"TR0942"}},
		{key: "young", joined: "2022-01-01", ids: []string{"QX7718"}},
	}}
}

// partnerOf is the partner that an ID was issued to; nil if nobody.
func (f *machineFacts) partnerOf(id string) *machinePartner {
	for _, p := range f.partners {
		if slices.Contains(p.ids, id) {
			return p
		}
	}
	return nil
}

// salesInOrder are all sales, by id.
func (f *machineFacts) salesInOrder() (out []*machineSale) {
	for _, id := range slices.Sorted(maps.Keys(f.sales)) {
		out = append(out, f.sales[id])
	}
	return out
}

// holder is the ID that a Space holds at the last instant of a day in UTC (R3.4).
func (c *machineCustomer) holder(d clock.Date) string {
	midnight := d.AddDays(1).Start(time.UTC)
	var last machinePoint
	for _, p := range c.points {
		if p.at.Before(midnight) && !p.at.Before(last.at) {
			last = p
		}
	}
	return last.id
}

// machineFamily is all that is posted for a payee of a source for a month: a line and
// those that adjust it.
type machineFamily struct {
	payee, source string
	month         clock.Month
}

func (f machineFamily) String() string {
	return fmt.Sprintf("%s/space/%s/referral/%s", f.payee, f.source, f.month)
}

// machineDue is what is expected of a family: an amount, or that what was posted stays.
type machineDue struct {
	minor int64
	held  bool
}

// expect gives what is expected of a sale, by counting its days one after the other
// (R3.2, R3.4, R4.2, R4.3, R7.2, R7.3, R7.4). asOf is the last day that counts,
// termThrough the last that counts of a term.
func (f *machineFacts) expect(s *machineSale, asOf, termThrough clock.Date) map[machineFamily]machineDue {
	out := map[machineFamily]machineDue{}
	if !s.won || s.deleted || s.close.After(asOf) {
		return out
	}
	start, end, through := s.start, s.end, termThrough
	if start.IsZero() {
		start, end, through = s.close, s.close, asOf
	}
	days := map[string]map[clock.Month]int64{}
	all := int64(0)
	for d := start; !d.After(end); d = d.AddDays(1) {
		all++
		counts := clock.MaxDate(d, s.close)
		id := s.customer.holder(d)
		if counts.After(through) || id == "" {
			continue
		}
		if days[id] == nil {
			days[id] = map[clock.Month]int64{}
		}
		days[id][counts.Month()]++
	}
	for id, months := range days {
		var held, before int64
		for _, month := range slices.SortedFunc(maps.Keys(months), func(a, b clock.Month) int {
			if a.Before(b) {
				return -1
			}
			return 1
		}) {
			held += months[month]
			partner := f.partnerOf(id)
			var due machineDue
			if !f.frozen(s, asOf) && (partner == nil || partner.joined < "2021-01-01") {
				whole := new(big.Rat).Mul(s.amount, big.NewRat(1, 10))
				through := minorOf(new(big.Rat).Mul(whole, big.NewRat(held, all)), s.currency)
				due.minor, before = through-before, through
			}
			// A month that comes to nothing has no line that could be held.
			due.held = due.minor != 0 && (partner == nil || partner.suspended || partner.survivor().suspended)
			out[machineFamily{payee: id, source: s.id, month: month}] = due
		}
	}
	return out
}

// frozen: nobody can tell what the sale earns (R3.1), so all that was posted for it
// stays.
func (f *machineFacts) frozen(s *machineSale, asOf clock.Date) bool {
	return s.won && !s.deleted && !s.close.After(asOf) && (s.amount == nil || s.amount.Sign() < 0)
}

// machineDigits are the currencies' decimals (ISO 4217).
var machineDigits = map[string]int64{"USD": 100, "JPY": 1, "KWD": 1000}

// minorOf rounds half away from zero to a currency's minor unit.
func minorOf(amount *big.Rat, currency string) int64 {
	x := new(big.Rat).Mul(amount, big.NewRat(machineDigits[currency], 1))
	half := big.NewRat(1, 2)
	if x.Sign() < 0 {
		half.Neg(half)
	}
	x.Add(x, half)
	return new(big.Int).Quo(x.Num(), x.Denom()).Int64()
}
