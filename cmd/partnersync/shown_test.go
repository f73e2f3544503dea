package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
)

// hostile is a name that clears the screen, writes over its line, types for whoever looks
// at it, turns an amount round and begins a row of its own.
const hostile = "Acme\x1b[2J\x1b]0;x\a\rPaid\u009b1A\u202e00.1\u2069\nFG3877  900.00 USD\tEND\x7f\xff"

// Whatever stands in a record of the org, a person sees it and nothing else happens.
func TestNamesDoNothingToTheScreen(t *testing.T) {
	var out, log bytes.Buffer
	a := &app{out: &out, err: &log}
	p := &page{app: a, w: &out}
	p.title(hostile)
	p.line("of %s", hostile)
	p.sentence("of %s", hostile)
	p.pairs([2]string{"name", hostile})
	g := grid{heads: []string{"NAME", "#AMOUNT"}}
	g.add(hostile, "5.00")
	p.table(g)
	// Further lines of a value stand below it; no other text has any.
	if n := strings.Count(out.String(), "\n"); n != 7 || !strings.Contains(out.String(), "\n      FG3877") {
		t.Errorf("7 lines became %d:\n%q", n, out.String())
	}
	a.note("of %s", hostile)
	a.say("of %s", hostile)
	_ = a.finish(t.Context(), errs.New(errs.Invalid, "of %s", hostile).WithHint("of %s", hostile))
	for _, text := range []string{out.String(), log.String()} {
		if at := strings.IndexFunc(text, isActing); at >= 0 {
			t.Errorf("%q acts: %q", text[at:min(at+8, len(text))], text)
		}
		if !strings.Contains(text, "Acme"+hidden) || !strings.Contains(text, "END"+hidden) {
			t.Errorf("what can be shown is not: %q", text)
		}
	}
}
