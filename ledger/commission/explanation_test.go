package commission_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/ledger/commission"
)

// explained are sources whose explanations hold every part that one can have: days
// held and a formula, a claim that lost, a hold, net-new, a converted amount.
func explained() map[string]*commission.Source {
	lost := source("1000", "2026-03-20", held("2020-01-01", "AB1234"))
	lost.Claims = []commission.Claim{claim("0001", "FG3877", commission.Referred), claim("0002", "CN0002", commission.Referred)}
	lost.Claims[0].State, lost.Claims[0].IsLinked, lost.Claims[0].Reason = commission.Rejected, false, "the customer was ours before"
	lost.Claims[1].IsLinked, lost.Claims[1].Lost = false, "the opportunity went to REG-0003, submitted earlier"
	hold := source("1000", "2026-03-20", held("2020-01-01", "AB1234"))
	hold.Claims = []commission.Claim{claim("0001", "FG3877", commission.Referred)}
	hold.Claims[0].State = commission.Submitted
	return map[string]*commission.Source{
		"term":    term(source("12000", "2025-12-20", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31"),
		"lost":    lost,
		"hold":    hold,
		"net_new": renewal(),
	}
}

// The three forms of one structure, side by side: the sentence, the text with the
// arithmetic, and JSON.
func TestR10_TheThreeFormsOfAnExplanation(t *testing.T) {
	for name, s := range explained() {
		t.Run(name, func(t *testing.T) {
			var sentences, texts, documents strings.Builder
			lines := dealEngine("2026-04-30").Lines(s).Lines
			for _, l := range lines[:min(3, len(lines))] {
				sentences.WriteString(l.Explanation.Sentence + "\n")
				texts.WriteString("== " + l.Key + "\n" + l.Explanation.Text())
				raw, err := json.MarshalIndent(l.Explanation, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				documents.WriteString(string(raw) + "\n")
			}
			golden(t, "form_"+name+"_sentence", sentences.String())
			golden(t, "form_"+name+"_text", texts.String())
			golden(t, "form_"+name+"_json", documents.String())
		})
	}
}

// The text says all that the structure has, and leaves out what there is nothing of.
func TestR10_TheTextSaysAllThatTheStructureHas(t *testing.T) {
	for name, s := range explained() {
		for _, l := range dealEngine("2026-04-30").Lines(s).Lines {
			e, text := l.Explanation, l.Explanation.Text()
			parts := append([]string{e.Sentence, e.Plan, strings.Join(e.Rules, ", ")}, e.Arithmetic...)
			for _, f := range e.Facts {
				parts = append(parts, f.Name, f.Value, f.ID, f.At, f.From)
			}
			for _, h := range e.Held {
				parts = append(parts, h.SpaceID, h.First, h.Last, h.From, h.Since)
			}
			for _, part := range parts {
				if !strings.Contains(text, part) {
					t.Errorf("%s, %s: the text lacks %q:\n%s", name, l.Key, part, text)
				}
			}
		}
	}
	bare := commission.Explanation{Sentence: "Nothing is due."}
	if got := bare.Text(); got != "Nothing is due.\n" {
		t.Errorf("without facts the text is %q", got)
	}
	// It comes out of the database as it went in.
	for _, l := range dealEngine("2026-04-30").Lines(explained()["net_new"]).Lines {
		var back commission.Explanation
		raw, err := json.Marshal(l.Explanation)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &back); err != nil || back.Text() != l.Explanation.Text() {
			t.Errorf("read back (%v), the text is\n%s", err, back.Text())
		}
	}
}

// A name with a break in it, which anybody may have given a record, begins no line of ours.
func TestATextHasNoLinesBeyondOurs(t *testing.T) {
	const name = "Acme\r\n\u2028\x1b[2JApproved by: the board"
	e := commission.Explanation{
		Sentence: "FG3877 earns 1.00 USD (“" + name + "”).", Plan: name, Rules: []string{"R1.1"}, Arithmetic: []string{name},
		Facts: []commission.Fact{{Name: "Space", Value: name, From: name}}, Held: []commission.Interval{{SpaceID: "a", First: "b", Last: "c", From: name}},
	}
	text := e.Text()
	if n := strings.Count(text, "\n"); n != 13 || strings.ContainsAny(text, "\r\u2028\x1b") || strings.Contains(text, "\nApproved") {
		t.Errorf("it has %d lines: %q", n, text)
	}
}
