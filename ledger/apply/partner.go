package apply

import (
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger"
)

type partnerYAML struct {
	Key        string     `yaml:"key"`
	Name       string     `yaml:"name"`
	Kind       string     `yaml:"kind"`
	Kinds      []kindYAML `yaml:"kinds"`
	Tier       string     `yaml:"tier"`
	JoinedOn   string     `yaml:"joined_on"`
	Status     string     `yaml:"status"`
	PartnerIDs []string   `yaml:"partner_ids"`
	Domains    []string   `yaml:"domains"`
	MergedInto string     `yaml:"merged_into"`
	MergedOn   string     `yaml:"merged_on"`
}

type kindYAML struct {
	Kind string `yaml:"kind"`
	From string `yaml:"from"`
}

// partner checks a partner and its merge, and gives all that is wrong with them.
func (y partnerYAML) partner() (p ledger.Partner, m ledger.Merge, wrong []string) {
	p = ledger.Partner{Key: strings.TrimSpace(y.Key), Name: strings.TrimSpace(y.Name), Kind: y.Kind, Tier: y.Tier, Status: y.Status}
	if p.Status == "" {
		p.Status = ledger.StatusActive
	}
	if p.Key == "" {
		wrong = append(wrong, "key is missing")
	}
	if p.Name == "" {
		wrong = append(wrong, "name is missing")
	}
	if p.Status != ledger.StatusActive && p.Status != ledger.StatusSuspended && p.Status != ledger.StatusExited {
		wrong = append(wrong, fmt.Sprintf("status %q is none of active, suspended, exited", y.Status))
	}
	var faults []string
	p.Kinds, faults = y.kinds()
	wrong = append(wrong, faults...)
	var err error
	if p.JoinedOn, err = clock.ParseDate(y.JoinedOn); err != nil {
		wrong = append(wrong, "joined_on: "+err.Error())
	}
	p.IDs, faults = y.ids()
	wrong = append(wrong, faults...)
	for _, raw := range y.Domains {
		d := ledger.RegistrableDomain(raw)
		if d == "" {
			wrong = append(wrong, fmt.Sprintf("domains: %q is not a domain such as partner.example", raw))
		}
		p.Domains = append(p.Domains, d)
	}
	m, faults = y.merge(p)
	return p, m, append(wrong, faults...)
}

// kinds gives the kinds that are stated with their days, in the order of days; none
// where only the present kind is stated (R5.6).
func (y partnerYAML) kinds() (kinds []ledger.KindSince, wrong []string) {
	isKind := func(s string) bool { return s == ledger.KindRegistered || s == ledger.KindConsulting }
	switch {
	case len(y.Kinds) == 0 && !isKind(y.Kind):
		return nil, []string{fmt.Sprintf("kind %q is neither registered nor consulting", y.Kind)}
	case len(y.Kinds) > 0 && y.Kind != "":
		return nil, []string{"kind stands beside kinds; keep kinds"}
	}
	for i, k := range y.Kinds {
		if !isKind(k.Kind) {
			wrong = append(wrong, fmt.Sprintf("kinds[%d]: kind %q is neither registered nor consulting", i, k.Kind))
		}
		since := ledger.KindSince{Kind: k.Kind}
		if k.From != "" || i > 0 {
			var err error
			if since.From, err = clock.ParseDate(k.From); err != nil {
				wrong = append(wrong, fmt.Sprintf("kinds[%d]: from: %v", i, err))
			}
		}
		kinds = append(kinds, since)
	}
	slices.SortStableFunc(kinds, func(a, b ledger.KindSince) int { return a.From.DaysSince(b.From) })
	for i := 1; i < len(kinds); i++ {
		if kinds[i].From == kinds[i-1].From && len(wrong) == 0 {
			wrong = append(wrong, fmt.Sprintf("kinds: two of them are from %s", kinds[i].From))
		}
	}
	return kinds, wrong
}

func (y partnerYAML) ids() (ids, wrong []string) {
	if len(y.PartnerIDs) == 0 {
		wrong = append(wrong, "partner_ids is missing: a partner has at least one, such as FG3877")
	}
	for _, raw := range y.PartnerIDs {
		id, ok := ledger.ParsePartnerID(raw)
		if !ok || id == "" {
			wrong = append(wrong, fmt.Sprintf("partner_ids: %q is not two letters and four digits, such as FG3877", raw))
		}
		ids = append(ids, id)
	}
	return ids, wrong
}

// merge gives the partner's merge; one that goes on has no Into (R1.1).
func (y partnerYAML) merge(p ledger.Partner) (m ledger.Merge, wrong []string) {
	m = ledger.Merge{Key: p.Key, Into: strings.TrimSpace(y.MergedInto)}
	if m.Into == "" && y.MergedOn == "" {
		return m, nil
	}
	if m.Into == "" {
		return m, []string{"merged_on stands without merged_into, the key of the survivor"}
	}
	if m.Into == p.Key {
		wrong = append(wrong, "merged_into names the partner itself")
	}
	var err error
	if m.On, err = clock.ParseDate(y.MergedOn); err != nil {
		wrong = append(wrong, "merged_on: "+err.Error())
	} else if m.On.Before(p.JoinedOn) {
		wrong = append(wrong, fmt.Sprintf("merged_on is %s, and it joined on %s", m.On, p.JoinedOn))
	}
	return m, wrong
}
