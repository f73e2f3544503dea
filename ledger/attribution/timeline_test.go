package attribution

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/ledger"
)

func ts(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// show writes a history as "instant=ID" pairs.
func show(points []Point) string {
	var out []string
	for _, p := range points {
		out = append(out, p.At.Format("2006-01-02 15:04")+"="+p.PartnerID)
	}
	return strings.Join(out, ", ")
}

func kinds(ds []ledger.Discrepancy) string {
	var out []string
	for _, d := range ds {
		out = append(out, d.Kind)
	}
	return strings.Join(out, ", ")
}

func history(id, at, old, is string) Statement {
	return Statement{Source: fromHistory, SourceID: id, At: ts(at), Old: old, New: is}
}

func seen(at, is string) Statement {
	return Statement{Source: fromObservation, SourceID: "rec", At: ts(at), New: is}
}

func TestR2_6_WhatSalesforceStates(t *testing.T) {
	for _, c := range []struct {
		name    string
		all     []Statement
		initial string
		changes string
	}{
		{"nothing", nil, "", ""},
		{"first sight alone", []Statement{seen("2020-03-01 00:00", "FG3877")}, "FG3877", ""},
		{
			"the first history row's old value, not what was seen after it",
			[]Statement{seen("2020-03-01 00:00", "AB1234"), history("h1", "2020-02-01 00:00", "FG3877", "AB1234")},
			"FG3877", "2020-02-01 00:00=AB1234",
		},
		{
			"two pulls without tracking: filled, then blank, are a clearing",
			[]Statement{seen("2020-03-01 00:00", "FG3877"), seen("2020-04-01 00:00", "")},
			"FG3877", "2020-04-01 00:00=",
		},
		{
			"an observation that a history row explains is no change of its own",
			[]Statement{
				seen("2020-03-01 00:00", "FG3877"), seen("2020-04-01 10:05", "AB1234"),
				history("h1", "2020-04-01 10:00", "FG3877", "AB1234"),
			},
			"FG3877", "2020-04-01 10:00=AB1234",
		},
		{
			"a change after the last tracked one",
			[]Statement{
				seen("2020-03-01 00:00", "AB1234"), seen("2020-06-01 00:00", "CD5678"),
				history("h1", "2020-02-01 00:00", "FG3877", "AB1234"),
			},
			"FG3877", "2020-02-01 00:00=AB1234, 2020-06-01 00:00=CD5678",
		},
		{
			"seen before tracking began: the observation is the fact",
			[]Statement{
				seen("2020-01-10 00:00", ""), seen("2020-02-01 00:00", "FG3877"),
				history("h1", "2020-03-01 00:00", "FG3877", "AB1234"),
			},
			"", "2020-02-01 00:00=FG3877, 2020-03-01 00:00=AB1234",
		},
		{
			"two changes between two pulls",
			[]Statement{
				seen("2020-01-10 00:00", "FG3877"), seen("2020-03-01 00:00", "CD5678"),
				history("h1", "2020-02-01 00:00", "FG3877", "AB1234"), history("h2", "2020-03-01 00:00", "AB1234", "CD5678"),
			},
			"FG3877", "2020-02-01 00:00=AB1234, 2020-03-01 00:00=CD5678",
		},
		{
			"trimmed and in capitals, it is the same ID (R1.1)",
			[]Statement{seen("2020-01-10 00:00", " fg3877 "), seen("2020-03-01 00:00", "FG3877")},
			"FG3877", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readStatements(c.all)
			if got.initial.PartnerID != c.initial || show(got.changes) != c.changes {
				t.Errorf("initial %q, changes %q; want %q, %q", got.initial.PartnerID, show(got.changes), c.initial, c.changes)
			}
			if got.isStated != (len(c.all) > 0) {
				t.Errorf("stated: %t", got.isStated)
			}
		})
	}
}

func TestR2_9_ChangesOfOneInstantFollowTheirChain(t *testing.T) {
	const at = "2020-02-01 00:00"
	rows := []Statement{
		history("h1", at, "BB0002", "CC0003"), history("h2", at, "AA0001", "BB0002"), history("h3", at, "CC0003", "DD0004"),
		history("h0", "2020-01-01 00:00", "", "AA0001"),
	}
	rapid.Check(t, func(t *rapid.T) {
		got := readStatements(rapid.Permutation(rows).Draw(t, "order"))
		want := "2020-01-01 00:00=AA0001, 2020-02-01 00:00=BB0002, 2020-02-01 00:00=CC0003, 2020-02-01 00:00=DD0004"
		if show(got.changes) != want {
			t.Fatalf("got %s", show(got.changes))
		}
	})
	// The same at the record's very first instant, where no row before tells the start.
	got := readStatements(rows[:3])
	if got.initial.PartnerID != "AA0001" || got.changes[2].PartnerID != "DD0004" {
		t.Errorf("initial %s, changes %s", got.initial.PartnerID, show(got.changes))
	}
}

// invited gives a profile that registers on 2020-05-04 10:00 with invitations.
func invited(vs ...invitation) profileFacts {
	return profileFacts{key: "ana@client.example", quickStarts: []time.Time{ts("2020-05-04 10:00")}, invitations: vs}
}

// to is an invitation to a Space that was created in 2019 and holds something.
func to(space, at, holds string) invitation {
	return invitation{
		id: "inv-" + space, spaceID: "id-" + space, spaceKey: space, at: ts(at), spaceCreatedAt: ts("2019-01-01 00:00"),
		spaceHistory: []Point{{At: ts("2019-01-01 00:00"), Value: ParseValue(holds)}},
	}
}

func TestR2_1_Invitation(t *testing.T) {
	created := to("S9", "2020-05-04 10:00", "FG3877")
	created.spaceCreatedAt = ts("2020-05-04 10:00")
	created.spaceHistory = []Point{{At: ts("2020-05-04 10:00"), Value: ParseValue("FG3877")}}
	for _, c := range []struct {
		name string
		f    profileFacts
		want string
	}{
		{"takes what the Space holds", invited(to("S1", "2020-05-01 00:00", "FG3877")), "2020-05-04 10:00=FG3877"},
		{"the very instant counts", invited(to("S1", "2020-05-04 10:00", "FG3877")), "2020-05-04 10:00=FG3877"},
		{"later invitations change nothing", invited(to("S1", "2020-05-04 10:01", "FG3877")), "2020-05-04 10:00="},
		{
			"the earliest counts, even when its Space holds nothing",
			invited(to("S2", "2020-05-02 00:00", "FG3877"), to("S1", "2020-05-01 00:00", "")), "2020-05-04 10:00=",
		},
		{
			"a tie goes to the smaller Space key",
			invited(to("S2", "2020-05-01 00:00", "FG3877"), to("S1", "2020-05-01 00:00", "AB1234")), "2020-05-04 10:00=AB1234",
		},
		{"a Space created at that instant comes after (R2.9)", invited(created), "2020-05-04 10:00="},
		{"nobody registered: there is no profile", profileFacts{key: "x@y.example", invitations: []invitation{to("S1", "2020-05-01 00:00", "FG3877")}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := deriveProfile(c.f); show(got.points) != c.want {
				t.Errorf("got %q, want %q", show(got.points), c.want)
			}
		})
	}
}

func TestR2_10_OneProfileForSeveralRecords(t *testing.T) {
	f := profileFacts{key: "ana@client.example", records: []profileRecord{
		{ID: "b", RegisteredAt: ts("2020-02-01 00:00"), statements: []Statement{seen("2020-03-01 00:00", "AB1234")}},
		{ID: "c", RegisteredAt: ts("2020-01-01 00:00"), statements: []Statement{seen("2020-03-01 00:00", "CD5678")}},
		{ID: "a", RegisteredAt: ts("2020-01-01 00:00"), statements: []Statement{seen("2020-03-01 00:00", "FG3877")}},
	}}
	got := deriveProfile(f)
	if show(got.points) != "2020-01-01 00:00=FG3877" || kinds(got.found) != "duplicate_profile" {
		t.Errorf("got %s, %s", show(got.points), kinds(got.found))
	}
}

func profileHolding(from, id string) []Point { return []Point{{At: ts(from), Value: ParseValue(id)}} }

func TestR2_2_Creation(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     spaceFacts
		want  string
		found string
	}{
		{
			"takes what its creator's profile holds",
			spaceFacts{profilePoints: profileHolding("2020-01-01 00:00", "FG3877")}, "2020-05-04 10:00=FG3877", "",
		},
		{
			"a profile that registers at that instant is there (R2.3)",
			spaceFacts{profilePoints: profileHolding("2020-05-04 10:00", "FG3877")}, "2020-05-04 10:00=FG3877", "",
		},
		{"no profile by then", spaceFacts{profilePoints: profileHolding("2020-05-04 10:01", "FG3877")}, "2020-05-04 10:00=", "space_without_creator"},
		{"no creator", spaceFacts{}, "2020-05-04 10:00=", "space_without_creator"},
		{"a profile that holds nothing", spaceFacts{profilePoints: profileHolding("2020-01-01 00:00", "")}, "2020-05-04 10:00=", ""},
		{
			"a later change of the profile does not change it (R2.4)",
			spaceFacts{profilePoints: append(profileHolding("2020-01-01 00:00", "FG3877"), profileHolding("2020-06-01 00:00", "AB1234")...)},
			"2020-05-04 10:00=FG3877", "",
		},
		{
			"what Salesforce states wins, and the difference is noted (R2.7)",
			spaceFacts{profilePoints: profileHolding("2020-01-01 00:00", "FG3877"), statements: []Statement{seen("2020-07-01 00:00", "AB1234")}},
			"2020-05-04 10:00=AB1234", "partner_id_mismatch",
		},
		{
			"a blank yields to what is derived, and is noted (R2.7)",
			spaceFacts{profilePoints: profileHolding("2020-01-01 00:00", "FG3877"), statements: []Statement{seen("2020-07-01 00:00", "")}},
			"2020-05-04 10:00=FG3877", "partner_id_missing_in_salesforce",
		},
		{
			"a clearing is not a blank (R2.7), and ends the interval (R2.4)",
			spaceFacts{
				profilePoints: profileHolding("2020-01-01 00:00", "FG3877"),
				statements:    []Statement{seen("2020-07-01 00:00", "FG3877"), seen("2020-08-01 00:00", "")},
			},
			"2020-05-04 10:00=FG3877, 2020-08-01 00:00=", "",
		},
		{
			"a takeover ends the former interval at its instant (R2.5)",
			spaceFacts{
				profilePoints: profileHolding("2020-01-01 00:00", "FG3877"),
				statements:    []Statement{history("h1", "2020-09-01 09:00", "FG3877", "AB1234"), seen("2020-09-01 09:00", "AB1234")},
			},
			"2020-05-04 10:00=FG3877, 2020-09-01 09:00=AB1234", "",
		},
		{
			"a malformed ID ends the interval before it, and holds (R2.8)",
			spaceFacts{
				profilePoints: profileHolding("2020-01-01 00:00", "FG3877"),
				statements:    []Statement{history("h1", "2020-09-01 09:00", "FG3877", "FG-3877")},
			},
			"2020-05-04 10:00=FG3877, 2020-09-01 09:00=FG-3877", "malformed_partner_id",
		},
		{
			"a QuickStart whose creator is not the install's Lead (R2.3)",
			spaceFacts{isQuickStart: true, creator: "a@x.example", installLead: "b@x.example", profilePoints: profileHolding("2020-01-01 00:00", "FG3877")},
			"2020-05-04 10:00=FG3877", "creator_mismatch",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f.id, c.f.createdAt = "a01", ts("2020-05-04 10:00")
			got := deriveSpace(c.f)
			if show(got.points) != c.want || kinds(got.found) != c.found {
				t.Errorf("got %q, %q; want %q, %q", show(got.points), kinds(got.found), c.want, c.found)
			}
		})
	}
}

// TestHistoriesNeverOverlapNorRepeat: whatever is stated in whatever order, a
// history has strictly rising instants and no two equal values in a row, and the
// order of statements changes nothing.
func TestHistoriesNeverOverlapNorRepeat(t *testing.T) {
	ids := []string{"", "FG3877", "AB1234", "bad"}
	rapid.Check(t, func(t *rapid.T) {
		var all []Statement
		for i := range rapid.IntRange(0, 8).Draw(t, "statements") {
			s := Statement{
				SourceID: fmt.Sprintf("s%d", i), At: ts("2020-01-01 00:00").Add(time.Duration(rapid.IntRange(0, 6).Draw(t, "hour")) * time.Hour),
				New: rapid.SampledFrom(ids).Draw(t, "new"), Source: fromObservation,
			}
			if rapid.Bool().Draw(t, "tracked") {
				s.Source, s.Old = fromHistory, rapid.SampledFrom(ids).Draw(t, "old")
			}
			all = append(all, s)
		}
		f := spaceFacts{id: "a01", createdAt: ts("2020-01-01 02:00"), statements: all}
		got := deriveSpace(f).points
		for i := 1; i < len(got); i++ {
			if !got[i].At.After(got[i-1].At) || got[i].Value == got[i-1].Value {
				t.Fatalf("history %s", show(got))
			}
		}
		f.statements = rapid.Permutation(all).Draw(t, "order")
		if d := cmp.Diff(show(got), show(deriveSpace(f).points)); d != "" {
			t.Fatalf("another order gives another history:\n%s", d)
		}
	})
}
