// Package apply reads the file in which people state partners, plans and exchange
// rates, says what it would change, and changes it. What the file does not name
// stays as it is.
package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/tame"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 16 << 20

// File is what a file states, checked.
type File struct {
	Partners []ledger.Partner
	// Merges has one for each of Partners; those that go on have no Into (R1.1).
	Merges []ledger.Merge
	Plans  []Version
	// Rates have a Rate of zero where one is taken back.
	Rates []commission.ExchangeRate
}

// Version is a plan version with the last day that the file says it governs; no
// date where the file leaves that to the next version.
type Version struct {
	commission.Plan
	Through clock.Date
}

type fileYAML struct {
	Partners      []partnerYAML `yaml:"partners"`
	Plans         []planYAML    `yaml:"plans"`
	ExchangeRates []rateYAML    `yaml:"exchange_rates"`
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
	// What is no text is not shown to a terminal.
	if !utf8.Valid(raw) {
		return File{}, errs.New(errs.Invalid, "%s is not a text in UTF-8", name).
			WithHint("docs/partners-and-plans.md shows what such a file looks like.")
	}
	if err := tame.YAML(raw); err != nil {
		return File{}, errs.New(errs.Invalid, "%s: %w", name, err)
	}
	var y fileYAML
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&y); err != nil && !errors.Is(err, io.EOF) {
		return File{}, errs.New(errs.Invalid, "%s:\n%s", name, tame.Said(strings.TrimSpace(yaml.FormatError(err, false, true)))).
			WithHint("docs/partners-and-plans.md shows what such a file looks like.")
	}
	out, faults := y.file()
	faults = append(faults, out.repeated()...)
	faults = append(faults, overlaps(out.Plans, starts(out.Plans))...)
	if len(faults) == 0 && len(out.Partners)+len(out.Plans)+len(out.Rates) == 0 {
		faults = append(faults, "it states neither partners nor plans nor exchange rates")
	}
	if len(faults) > 0 {
		return File{}, errs.New(errs.Invalid, "%s:\n  %s", name, tame.Said(strings.Join(faults, "\n  "))).
			WithHint("docs/partners-and-plans.md shows what such a file looks like.")
	}
	return out, nil
}

// file checks everything and gives all that is wrong.
func (y fileYAML) file() (out File, faults []string) {
	for i, p := range y.Partners {
		partner, merge, wrong := p.partner()
		out.Partners, out.Merges = append(out.Partners, partner), append(out.Merges, merge)
		faults = append(faults, at(fmt.Sprintf("partners[%d] %s", i, p.Key), wrong)...)
	}
	for i, p := range y.Plans {
		version, wrong := p.version()
		out.Plans = append(out.Plans, version)
		faults = append(faults, at(fmt.Sprintf("plans[%d] from %s", i, p.EffectiveFrom), wrong)...)
	}
	for i, r := range y.ExchangeRates {
		rate, wrong := r.rate()
		out.Rates = append(out.Rates, rate)
		faults = append(faults, at(fmt.Sprintf("exchange_rates[%d] %s to %s on %s", i, r.From, r.To, r.On), wrong)...)
	}
	return out, faults
}

func at(where string, wrong []string) []string {
	for i := range wrong {
		wrong[i] = strings.TrimSpace(where) + ": " + wrong[i]
	}
	return wrong
}

// repeated finds what the file states twice.
func (f File) repeated() []string {
	var out []string
	keys, ids, dates, rates := map[string]bool{}, map[string]string{}, map[clock.Date]bool{}, map[string]bool{}
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
	for _, r := range f.Rates {
		name := rateName(r)
		if !r.On.IsZero() && rates[name] {
			out = append(out, name+" is stated twice")
		}
		rates[name] = true
	}
	return out
}
