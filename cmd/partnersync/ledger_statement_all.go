package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/statement"
)

// allStatements lists the statements of every partner, or writes a file for each.
func (a *app) allStatements(ctx context.Context, d *database, o statementOptions) error {
	return pg.InSnapshot(ctx, d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		switch {
		case o.out != "":
			return a.writeAllStatements(ctx, d, tx, o)
		case o.format == formatCSV:
			return a.tableOfAll(ctx, tx, o)
		}
		list, err := statement.List(ctx, tx, o.month)
		if err != nil {
			return err
		}
		list = o.inCurrency(list)
		if o.format == formatJSON {
			return encodeJSON(a.out, list)
		}
		p := &page{app: a, w: a.out}
		p.statements(o.month.String(), list)
		return p.err
	})
}

func (o statementOptions) wants(s *statement.Statement) bool {
	return o.currency == "" || s.Currency == money.Currency(o.currency)
}

func (o statementOptions) inCurrency(all []statement.Statement) []statement.Statement {
	out := []statement.Statement{}
	for i := range all {
		if o.wants(&all[i]) {
			out = append(out, all[i])
		}
	}
	return out
}

// tableOfAll writes one table of all, with their lines.
func (a *app) tableOfAll(ctx context.Context, tx *sqlx.Tx, o statementOptions) error {
	table := statement.NewCSV(a.out)
	for s, err := range statement.All(ctx, tx, o.month) {
		if err != nil {
			return err
		}
		if o.wants(s) {
			if err := table.Write(s); err != nil {
				return err
			}
		}
	}
	return table.Flush()
}

// writeAllStatements writes a file for each statement, of which one is in memory.
func (a *app) writeAllStatements(ctx context.Context, d *database, tx *sqlx.Tx, o statementOptions) error {
	if err := os.MkdirAll(o.out, 0o700); err != nil {
		return errs.New(errs.Invalid, "--out: %w", err).WithHint("name a directory that can be made and written to")
	}
	names := fileNames{}
	for s, err := range statement.All(ctx, tx, o.month) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !o.wants(s) {
			continue
		}
		content, err := a.render(d, o.format, []statement.Statement{*s})
		if err != nil {
			return err
		}
		if err := writeStatement(filepath.Join(o.out, names.of(s.Key, fileEnding(o.format))), content); err != nil {
			return err
		}
	}
	a.say("%s of %s written to %s", counted(int64(len(names)), "statement"), o.month, o.out)
	return nil
}

func fileEnding(format string) string {
	if format == formatText {
		return "txt"
	}
	return format
}

// fileNames are the names that were given to files, in small letters: some file systems
// don't tell them from capitals.
type fileNames map[string]bool

// of names a file by a statement's key, of which only letters, digits, dots and hyphens
// are left. Keys that would have one name are told apart by a number.
func (f fileNames) of(key, ending string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, strings.TrimPrefix(key, "partner:"))
	name = strings.TrimLeft(name, ".")
	const longest = 150
	if cut := len(name) - longest; cut > 0 {
		name = name[cut:] // its end has the month and the currency
	}
	for n := 1; ; n++ {
		out := name + "." + ending
		if n > 1 {
			out = fmt.Sprintf("%s-%d.%s", name, n, ending)
		}
		if !f[strings.ToLower(out)] {
			f[strings.ToLower(out)] = true
			return out
		}
	}
}

func encodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// statements lists statements, a row each.
func (p *page) statements(month string, all []statement.Statement) {
	p.title("Statements of " + month)
	g := grid{heads: []string{"PARTNER", "NAME", "CURRENCY", "#OPENING", "#ACCRUED", "#ADJUSTED", "#CLAWED BACK", "#OTHER", "#PAID", "#CLOSING", "STATE"}, wrap: []int{1}}
	for i := range all {
		s := &all[i]
		other := statement.Amount{Minor: s.Transferred.Minor + s.BroughtIn.Minor, Currency: s.Currency}
		g.add(s.PrimaryID, s.Name, string(s.Currency), s.Opening.String(), s.Accrued.String(), s.Adjusted.String(), s.ClawedBack.String(),
			other.String(), s.Paid.String(), s.Closing.String(), stateOfMonth(s))
	}
	p.table(g)
	p.line("%s; OTHER is what was brought in, and what came or went when partners merged", counted(int64(len(all)), "statement"))
}

func stateOfMonth(s *statement.Statement) string {
	if s.IsClosed {
		return "closed"
	}
	return "open"
}

// statement writes a statement for a person.
func (p *page) statement(s *statement.Statement) {
	p.title(fmt.Sprintf("Statement of %s for %s, %s", s.HolderName(), s.Period, s.Currency))
	state := stateOfMonth(s)
	if s.IsClosed {
		state += " on " + instant(s.ClosedAt)
	} else {
		state += ", as of " + instant(p.app.clock.Now())
	}
	p.pairs([2]string{"statement", s.Key}, [2]string{"Partner IDs", strings.Join(s.IDs, ", ")}, [2]string{"month", state})
	p.write("\n")
	g := grid{heads: []string{"", "#" + string(s.Currency)}}
	for _, x := range []struct {
		name   string
		amount statement.Amount
		always bool
	}{
		{"opening", s.Opening, true}, {"transferred", s.Transferred, false}, {"accrued", s.Accrued, true}, {"adjusted", s.Adjusted, false},
		{"clawed back", s.ClawedBack, false}, {"brought in", s.BroughtIn, false},
		{"paid", statement.Amount{Minor: -s.Paid.Minor, Currency: s.Currency}, false}, {"closing", s.Closing, true},
		{"  not approved", s.ClosingAccrued, false}, {"  approved", s.ClosingPayable, false}, {"  on a bill", s.ClosingInPayment, false},
	} {
		if x.always || !x.amount.IsZero() {
			g.add(x.name, x.amount.String())
		}
	}
	p.table(g)
	if len(s.Lines) == 0 {
		p.line("nothing was posted in this month")
		return
	}
	p.title("Lines")
	lines := grid{heads: []string{"LINE", "FOR", "ACCOUNT", "#EARNED", "#APPROVED", "#ON A BILL", "#PAID", "STATUS"}, wrap: []int{1, 2}}
	for i := range s.Lines {
		l := &s.Lines[i]
		lines.add(l.Key, l.Opportunity, l.Account, l.Earned().String(), l.Approved.String(), l.Exported.String(), l.Paid.String(), l.Status)
	}
	p.table(lines)
}
