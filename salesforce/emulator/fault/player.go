package fault

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Request is what a player has to know of a request.
type Request struct {
	Method string
	Path   string
	Kind   Kind
	Object string // "" where it is not known
	Page   int    // of a query's result, from 1; 0 where it is not known
	At     time.Time
}

// Player is a plan in force. It is safe for concurrent use; requests are decided
// in the order in which they ask.
type Player struct {
	plan  *Plan
	seed  uint64
	began time.Time

	mu    sync.Mutex
	rules []*state
}

// state is what a player keeps of one rule.
type state struct {
	rule    *Rule
	stream  *rand.Rand
	matches int
	plays   int
}

// NewPlayer puts a plan into force at an instant of the org, to which the relative
// times of its rules refer. A nil plan has no rules.
func NewPlayer(p *Plan, seed uint64, began time.Time) *Player {
	if p == nil {
		p = &Plan{}
	}
	out := &Player{plan: p, seed: seed, began: began}
	for i := range p.Rules {
		out.rules = append(out.rules, &state{rule: &p.Rules[i], stream: stream(seed, p.Rules[i].Name)})
	}
	return out
}

// stream gives the random stream of a rule.
func stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name)) //nolint:errcheck // a hash takes everything
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// Plan gives the plan in force.
func (p *Player) Plan() *Plan { return p.plan }

// Decide says what happens to a request, and counts it; nil is nothing.
func (p *Player) Decide(r Request) *Decision {
	if len(p.rules) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var d *Decision
	for _, s := range p.rules {
		seed, plays := s.decide(r, p.began)
		if !plays {
			continue
		}
		if d == nil {
			d = &Decision{}
		}
		d.add(s.rule, seed)
	}
	return d
}

// decide counts a request and says whether the rule plays, and with which seed
// what is left to chance inside the request is decided. What a rule draws depends
// on its own matches only.
func (s *state) decide(r Request, began time.Time) (seed uint64, plays bool) {
	if !s.rule.When.isAbout(r, began) {
		return 0, false
	}
	s.matches++
	chance, seed := s.stream.Float64(), s.stream.Uint64()
	if !s.rule.When.picks(s.matches, chance) || s.rule.Times > 0 && s.plays >= s.rule.Times {
		return 0, false
	}
	s.plays++
	return seed, true
}

// isAbout says whether a request is one of those that a rule counts.
func (m *Match) isAbout(r Request, began time.Time) bool {
	switch {
	case len(m.Methods) > 0 && !slices.Contains(m.Methods, r.Method),
		m.Path != nil && !m.Path.MatchString(r.Path),
		(len(m.Kinds) > 0 || r.Kind == KindDirect) && !slices.Contains(m.Kinds, r.Kind),
		m.Page > 0 && m.Page != r.Page,
		m.From.IsSet && r.At.Before(m.From.instant(began)),
		m.Until.IsSet && !r.At.Before(m.Until.instant(began)):
		return false
	}
	isObject := func(name string) bool { return strings.EqualFold(name, r.Object) }
	return len(m.Objects) == 0 || slices.ContainsFunc(m.Objects, isObject)
}

// picks says whether the nth request that a rule is about is one for which it
// plays.
func (m *Match) picks(n int, chance float64) bool {
	return (m.Every == 0 || n%m.Every == 0) &&
		(m.First == 0 || n <= m.First) &&
		n > m.After &&
		(m.Between[1] == 0 || n >= m.Between[0] && n <= m.Between[1]) &&
		(!m.IsRandom || chance < m.Probability)
}

// RuleCount says how a rule fared so far.
type RuleCount struct {
	Name    string `json:"name"`
	Matches int    `json:"matches"` // requests that it is about
	Plays   int    `json:"plays"`   // requests for which it played
	Left    *int   `json:"left"`    // plays that are left; null is without end
}

// Counts gives the counts of all rules, in the plan's order.
func (p *Player) Counts() []RuleCount {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]RuleCount, len(p.rules))
	for i, s := range p.rules {
		out[i] = RuleCount{Name: s.rule.Name, Matches: s.matches, Plays: s.plays}
		if s.rule.Times > 0 {
			left := s.rule.Times - s.plays
			out[i].Left = &left
		}
	}
	return out
}

// MarshalJSON gives the plan's document, the seed and the counts.
func (p *Player) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Seed  uint64      `json:"seed"`
		Since time.Time   `json:"since"`
		Rules []RuleCount `json:"rules"`
		Plan  string      `json:"plan"`
	}{p.seed, p.began, p.Counts(), p.plan.text})
}
