// Package apply reads the file in which people state partners and plans, says what
// it would change, and changes it. What the file does not name stays as it is.
package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 16 << 20

// File is what a file states, checked.
type File struct {
	Partners []ledger.Partner
	Plans    []commission.Plan
}

type fileYAML struct {
	Partners []partnerYAML `yaml:"partners"`
	Plans    []planYAML    `yaml:"plans"`
}

type partnerYAML struct {
	Key        string   `yaml:"key"`
	Name       string   `yaml:"name"`
	Kind       string   `yaml:"kind"`
	Tier       string   `yaml:"tier"`
	JoinedOn   string   `yaml:"joined_on"`
	Status     string   `yaml:"status"`
	PartnerIDs []string `yaml:"partner_ids"`
	Domains    []string `yaml:"domains"`
}

type planYAML struct {
	Plan          string `yaml:"plan"`
	EffectiveFrom string `yaml:"effective_from"`
	Space         struct {
		ReferralRate string `yaml:"referral_rate"`
		JoinedBefore string `yaml:"joined_before"`
	} `yaml:"space"`
}

// Read reads a file; name is how errors call it. A word that is not known, and
// everything that is wrong with the values, is told at once; errs.Invalid.
func Read(r io.Reader, name string) (File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return File{}, errs.New(errs.Invalid, "read %s: %w", name, err)
	}
	if len(raw) > maxFile {
		return File{}, errs.New(errs.Invalid, "%s is larger than %d MB", name, maxFile>>20).
			WithHint("Split it: what a file does not name stays as it is.")
	}
	var y fileYAML
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&y); err != nil && !errors.Is(err, io.EOF) {
		return File{}, errs.New(errs.Invalid, "%s:\n%s", name, strings.TrimSpace(yaml.FormatError(err, false, true))).
			WithHint("docs/partners-and-plans.md shows what such a file looks like.")
	}
	var out File
	var faults []string
	for i, p := range y.Partners {
		partner, wrong := p.partner()
		out.Partners = append(out.Partners, partner)
		faults = append(faults, at(fmt.Sprintf("partners[%d] %s", i, p.Key), wrong)...)
	}
	for i, p := range y.Plans {
		plan, wrong := p.plan()
		out.Plans = append(out.Plans, plan)
		faults = append(faults, at(fmt.Sprintf("plans[%d] from %s", i, p.EffectiveFrom), wrong)...)
	}
	faults = append(faults, out.repeated()...)
	if len(faults) == 0 && len(out.Partners)+len(out.Plans) == 0 {
		faults = append(faults, "it states neither partners nor plans")
	}
	if len(faults) > 0 {
		return File{}, errs.New(errs.Invalid, "%s:\n  %s", name, strings.Join(faults, "\n  ")).
			WithHint("docs/partners-and-plans.md shows what such a file looks like.")
	}
	return out, nil
}

func at(where string, wrong []string) []string {
	for i := range wrong {
		wrong[i] = strings.TrimSpace(where) + ": " + wrong[i]
	}
	return wrong
}

// partner checks a partner and gives all that is wrong with it.
func (y partnerYAML) partner() (p ledger.Partner, wrong []string) {
	p = ledger.Partner{
		Key: strings.TrimSpace(y.Key), Name: strings.TrimSpace(y.Name), Kind: y.Kind, Tier: y.Tier, Status: y.Status,
	}
	if p.Status == "" {
		p.Status = ledger.StatusActive
	}
	if p.Key == "" {
		wrong = append(wrong, "key is missing")
	}
	if p.Name == "" {
		wrong = append(wrong, "name is missing")
	}
	if p.Kind != ledger.KindRegistered && p.Kind != ledger.KindConsulting {
		wrong = append(wrong, fmt.Sprintf("kind %q is neither registered nor consulting", y.Kind))
	}
	if p.Status != ledger.StatusActive && p.Status != ledger.StatusSuspended && p.Status != ledger.StatusExited {
		wrong = append(wrong, fmt.Sprintf("status %q is none of active, suspended, exited", y.Status))
	}
	var err error
	if p.JoinedOn, err = clock.ParseDate(y.JoinedOn); err != nil {
		wrong = append(wrong, "joined_on: "+err.Error())
	}
	if len(y.PartnerIDs) == 0 {
		wrong = append(wrong, "partner_ids is missing: a partner has at least one, such as FG3877")
	}
	for _, raw := range y.PartnerIDs {
		id, ok := ledger.ParsePartnerID(raw)
		if !ok || id == "" {
			wrong = append(wrong, fmt.Sprintf("partner_ids: %q is not two letters and four digits, such as FG3877", raw))
		}
		p.IDs = append(p.IDs, id)
	}
	for _, raw := range y.Domains {
		d := ledger.RegistrableDomain(raw)
		if d == "" {
			wrong = append(wrong, fmt.Sprintf("domains: %q is not a domain such as partner.example", raw))
		}
		p.Domains = append(p.Domains, d)
	}
	return p, wrong
}

// plan checks a plan version and gives all that is wrong with it.
func (y planYAML) plan() (p commission.Plan, wrong []string) {
	p.Name = y.Plan
	if p.Name == "" {
		p.Name = book.DefaultPlan
	}
	if p.Name != book.DefaultPlan {
		wrong = append(wrong, fmt.Sprintf("plan %q is unknown: there is one plan, %s", y.Plan, book.DefaultPlan))
	}
	var err error
	if p.EffectiveFrom, err = clock.ParseDate(y.EffectiveFrom); err != nil {
		wrong = append(wrong, "effective_from: "+err.Error())
	}
	if p.SpaceRate, err = parseRate(y.Space.ReferralRate); err != nil {
		wrong = append(wrong, "space.referral_rate: "+err.Error())
	}
	if y.Space.JoinedBefore != "" {
		if p.JoinedBefore, err = clock.ParseDate(y.Space.JoinedBefore); err != nil {
			wrong = append(wrong, "space.joined_before: "+err.Error())
		}
	}
	return p, wrong
}

// parseRate reads "10%" or "12.5 %". It refuses a bare number, which might mean
// either, and what is not between 0 and 100 %.
func parseRate(s string) (decimal.Decimal, error) {
	digits, hasSign := strings.CutSuffix(strings.TrimSpace(s), "%")
	d, err := decimal.NewFromString(strings.TrimSpace(digits))
	if err != nil || !hasSign {
		return decimal.Zero, fmt.Errorf("%q is not a rate such as 10%%", s)
	}
	if d.IsNegative() || d.GreaterThan(decimal.NewFromInt(100)) {
		return decimal.Zero, fmt.Errorf("%s is not between 0%% and 100%%", s)
	}
	return d.Shift(-2), nil
}

// repeated finds what the file states twice.
func (f File) repeated() []string {
	var out []string
	keys, ids, dates := map[string]bool{}, map[string]string{}, map[clock.Date]bool{}
	for _, p := range f.Partners {
		if p.Key != "" && keys[p.Key] {
			out = append(out, fmt.Sprintf("partner %s is stated twice", p.Key))
		}
		keys[p.Key] = true
		for _, id := range p.IDs {
			if other, taken := ids[id]; taken && id != "" {
				out = append(out, fmt.Sprintf("Partner ID %s is given to %s and to %s", id, other, p.Key))
			}
			ids[id] = p.Key
		}
	}
	for _, p := range f.Plans {
		if !p.EffectiveFrom.IsZero() && dates[p.EffectiveFrom] {
			out = append(out, fmt.Sprintf("plan version from %s is stated twice", p.EffectiveFrom))
		}
		dates[p.EffectiveFrom] = true
	}
	return out
}
