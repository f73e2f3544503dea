package fault

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Decision is what happens to one request. A nil Decision is nothing, and all its
// methods say so. Its rows are asked by one goroutine, in the order of the request.
type Decision struct {
	// Rules are the names of the rules that play, in the plan's order.
	Rules []string
	// Delay is the sum of the rules' delays.
	Delay time.Duration
	// Act is the action that decides over the answer, the first of the plan; nil is
	// the org's own answer.
	Act *Action
	// Loops says that a page's nextRecordsUrl leads to the page itself.
	Loops bool
	// Late is how much later than it is stamped a write becomes visible, and Stamp
	// the length of the intervals that share one stamp; 0 is as usual.
	Late, Stamp time.Duration
	// Skew is added to the org's clock.
	Skew time.Duration
	// Job is what becomes of the Bulk job that the request begins; "" is as usual.
	Job JobFault

	hide []string
	rows []*rowState
}

// NewDecision makes a decision of one action, under a rule's name: for whoever
// decides otherwise than by a plan.
func NewDecision(name string, a *Action) *Decision {
	d := &Decision{}
	d.add(&Rule{Name: name, Do: *a}, 0)
	return d
}

// rowState is a rule over rows at work.
type rowState struct {
	rule   *Rows
	stream *rand.Rand
	n      int
}

// add lets a rule play too.
func (d *Decision) add(r *Rule, seed uint64) {
	a := &r.Do
	d.Rules = append(d.Rules, r.Name)
	d.Delay += a.Delay
	d.Skew += a.Skew
	d.Loops = d.Loops || a.Cursor == CursorLoops
	d.Late = max(d.Late, a.Late)
	d.Stamp = max(d.Stamp, a.Stamp)
	d.hide = append(d.hide, a.Hide...)
	if d.Job == "" {
		d.Job = a.Job
	}
	if d.Act == nil && a.takesAnswer() {
		d.Act = a
	}
	if a.Rows != nil {
		d.rows = append(d.rows, &rowState{rule: a.Rows, stream: rand.New(rand.NewPCG(seed, 0))})
	}
}

// RowFault is why a row is refused.
type RowFault struct {
	Code    string
	Message string
	Fields  []string
}

// Row says whether the next row of the request fails; nil is that it does not. key
// is what the write goes by (external id or record id, "" for a plain create), and
// value gives a field of the row as text.
func (d *Decision) Row(key string, value func(field string) string) *RowFault {
	if d == nil {
		return nil
	}
	var out *RowFault
	for _, s := range d.rows {
		if s.fails(key, value) && out == nil {
			out = &RowFault{Code: s.rule.Code, Message: s.rule.Message, Fields: append([]string{}, s.rule.Fields...)}
		}
	}
	return out
}

// fails decides over a row. Every row is counted and drawn for, so that of the
// same rows always the same ones fail.
func (s *rowState) fails(key string, value func(string) string) bool {
	s.n++
	chance := s.stream.Float64()
	if s.rule.Key != nil {
		text := key
		if s.rule.Field != "" {
			text = value(s.rule.Field)
		}
		if !s.rule.Key.MatchString(text) {
			return false
		}
	}
	return chance < s.rule.Rate && (s.rule.Every == 0 || s.n%s.rule.Every == 0)
}

// HidesObject says whether an object is gone for this request.
func (d *Decision) HidesObject(object string) bool { return d.hides(object) }

// HidesField says whether a field is gone for this request.
func (d *Decision) HidesField(object, field string) bool {
	return d.hides(object + "." + field)
}

// Hides says whether anything is gone for this request.
func (d *Decision) Hides() bool { return d != nil && len(d.hide) > 0 }

func (d *Decision) hides(name string) bool {
	return d != nil && slices.ContainsFunc(d.hide, func(h string) bool { return strings.EqualFold(h, name) })
}

// Clock gives the org's time for this request, skewed if it is.
func (d *Decision) Clock(now time.Time) time.Time {
	if d == nil {
		return now
	}
	return now.Add(d.Skew)
}

// Stamped gives the instant that a write at an instant is stamped with: the
// beginning of its interval, if writes share stamps.
func (d *Decision) Stamped(at time.Time) time.Time {
	if d == nil || d.Stamp <= 0 {
		return at
	}
	return at.Truncate(d.Stamp)
}

// EndsSession says whether the request's session ends by a fault.
func (d *Decision) EndsSession() bool { return d != nil && d.Act != nil && d.Act.Session != 0 }

// LoopsPages says whether a page leads to itself.
func (d *Decision) LoopsPages() bool { return d != nil && d.Loops }

// DropsCursor says whether the cursor that the request asks for vanishes.
func (d *Decision) DropsCursor() bool {
	return d != nil && d.Act != nil && d.Act.Cursor == CursorVanishes
}
