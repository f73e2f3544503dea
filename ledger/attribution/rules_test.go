package attribution_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// story is a small world with what the rulebook says of it, worked out by hand.
type story struct {
	name  string
	items []item
	want  map[string]string // of a subject, "1h=FG3877, 3h=": held from the first hour on, nobody's from the third
	open  string            // kinds of the discrepancies that are open, in order
}

// tellStories tells each story in one batch, then one by one, then the other way
// round: what is believed is the same, and what the simulation says too (R2.9).
func tellStories(t *testing.T, stories ...story) {
	t.Helper()
	db := pgtest.New(t)
	issued := issueIDs(t, db)
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			for _, order := range []string{"at once", "one by one", "backwards"} {
				l := newLedger(t, db, issued)
				var batches [][]item
				for i, it := range s.items {
					if i > 0 && order == "at once" && withoutVersions(append(slices.Clone(batches[0]), it)) > len(batches[0]) {
						batches[0] = append(batches[0], it)
						continue
					}
					batches = append(batches, []item{it})
				}
				// The address under which a user is first seen is a fact of its own
				// (R2.10), so only a story in which nobody has two can go backwards.
				if order == "backwards" && !slices.ContainsFunc(s.items, func(it item) bool { return it.after >= 0 }) {
					slices.Reverse(batches)
				}
				for _, b := range batches {
					l.save(b)
					l.replayBy(3)
				}
				l.check()
				for subject, want := range s.want {
					if got := shownHistory(l, subject); got != want {
						t.Errorf("%s: %s: %q, want %q", order, subject, got, want)
					}
				}
				if got := openKinds(l); got != s.open {
					t.Errorf("%s: open are %q, want %q", order, got, s.open)
				}
			}
		})
	}
}

func subjectOf(name string) attribution.Subject {
	if strings.Contains(name, "@") {
		return attribution.Subject{Kind: attribution.KindProfile, ID: name}
	}
	return attribution.Subject{Kind: attribution.KindSpace, ID: name}
}

func shownHistory(l *underTest, subject string) string {
	history, err := attribution.HistoryAsKnown(context.Background(), l.db, subjectOf(subject), l.now)
	if err != nil {
		l.t.Fatal(err)
	}
	var out []string
	for _, h := range history {
		out = append(out, fmt.Sprintf("%gh=%s", h.From.Sub(epoch).Hours(), h.PartnerID))
	}
	return strings.Join(out, ", ")
}

func openKinds(l *underTest) string {
	kinds := map[string]bool{}
	for name := range l.discrepancies() {
		kind, _, _ := strings.Cut(name, " ")
		kinds[kind] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")
}

// deleted is an item as its record looks once it is deleted.
func deleted(it item) item {
	later := slotTime(30)
	switch v := it.fact.(type) {
	case attribution.Space:
		v.IsDeleted, v.Modstamp = true, later
		it.fact = v
	case attribution.UserRecord:
		v.IsDeleted, v.Modstamp = true, later
		it.fact = v
	case attribution.Invitation:
		v.IsDeleted, v.Modstamp = true, later
		it.fact = v
	}
	return it
}

const (
	ana = "ana@client.example"
	bo  = "bo@x.example"
)

var (
	onSpace, onProfile = attribution.KindSpace, attribution.KindProfile
	user0, user1       = id("a0U0", idTails[0]), id("a0U0", idTails[1])
)

// byHand is a Space that somebody created by hand, holding an ID from the start.
func byHand(i, created int, raw string) []item {
	return []item{anySpace(i, "", created), seenOn(onSpace, spaceID(i), raw, created)}
}

func together(parts ...[]item) []item { return slices.Concat(parts...) }

func TestR2_1_InvitationsInTheLedger(t *testing.T) {
	takesOver := rowOn(onSpace, spaceID(0), "FG3877", "AB1234", 2)
	tellStories(t,
		story{
			"takes what the Space holds at registration, not at the invitation",
			together(byHand(0, 0, "FG3877"), []item{takesOver, anyInvitation(0, ana, 1), anyUser(0, ana, 3, 20)}),
			map[string]string{ana: "3h=AB1234", spaceID(0): "0h=FG3877, 2h=AB1234"}, "space_without_creator",
		},
		story{
			"the earliest invitation counts, even when its Space holds nothing",
			together(byHand(0, 0, ""), byHand(1, 0, "FG3877"), []item{anyInvitation(0, ana, 1), anyInvitation(1, ana, 2), anyUser(0, ana, 3, 20)}),
			map[string]string{ana: "3h="}, "space_without_creator",
		},
		story{
			"a tie goes to the smaller Space key, though the other Space has the smaller id",
			together(byHand(1, 0, "FG3877"), byHand(3, 0, "AB1234"), []item{anyInvitation(1, ana, 1), anyInvitation(3, ana, 1), anyUser(0, ana, 3, 20)}),
			map[string]string{ana: "3h=AB1234"}, "space_without_creator",
		},
		story{
			"at the instant of registration it still counts",
			together(byHand(0, 0, "FG3877"), []item{anyInvitation(0, ana, 3), anyUser(0, ana, 3, 20)}),
			map[string]string{ana: "3h=FG3877"}, "space_without_creator",
		},
		story{
			"a user who had a profile is not changed",
			together(byHand(0, 0, "FG3877"), []item{anyUser(0, ana, 1, 20), anyInvitation(0, ana, 2)}),
			map[string]string{ana: "1h="}, "space_without_creator",
		},
		story{
			"deleting the invitation later changes nothing",
			together(byHand(0, 0, "FG3877"), []item{anyInvitation(0, ana, 1), anyUser(0, ana, 3, 20), deleted(anyInvitation(0, ana, 1))}),
			map[string]string{ana: "3h=FG3877"}, "space_without_creator",
		},
	)
}

func TestR2_2_CreationInTheLedger(t *testing.T) {
	tellStories(t,
		story{
			"takes what the creator's profile holds",
			[]item{anyUser(0, ana, 1, 20), seenOn(onProfile, user0, "FG3877", 1), anySpace(0, ana, 2)},
			map[string]string{spaceID(0): "2h=FG3877"}, "",
		},
		story{
			"no creator", []item{anySpace(0, "", 2)},
			map[string]string{spaceID(0): "2h="}, "space_without_creator",
		},
		story{
			"no profile by then",
			[]item{anyUser(0, ana, 3, 20), seenOn(onProfile, user0, "FG3877", 3), anySpace(0, ana, 2)},
			map[string]string{spaceID(0): "2h="}, "space_without_creator",
		},
	)
}

func TestR2_3_QuickStart(t *testing.T) {
	org := id("00D0", "A")
	tellStories(t,
		story{
			"creates the profile, which registers by invitation, and then the Space",
			together(byHand(1, 0, "FG3877"), []item{anyInvitation(1, ana, 1), quickStart(0, ana, org, 2)}),
			map[string]string{ana: "2h=FG3877", spaceID(0): "2h=FG3877"}, "space_without_creator",
		},
		story{
			"its creator is the install's Lead where the Space names none",
			together(byHand(1, 0, "FG3877"), []item{anyInvitation(1, ana, 1), quickStart(0, "", org, 2), anyInstall(org, ana, 20)}),
			map[string]string{ana: "2h=FG3877", spaceID(0): "2h=FG3877"}, "space_without_creator",
		},
		story{
			"if they differ the Space's counts, and somebody is asked",
			together(byHand(1, 0, "FG3877"), []item{anyInvitation(1, ana, 1), quickStart(0, ana, org, 2), anyInstall(org, bo, 20)}),
			map[string]string{ana: "2h=FG3877", spaceID(0): "2h=FG3877", bo: ""}, "creator_mismatch, space_without_creator",
		},
		story{
			"an existing profile is not registered anew",
			together(byHand(1, 0, "FG3877"), []item{anyUser(0, ana, 0, 20), anyInvitation(1, ana, 1), quickStart(0, ana, org, 2)}),
			map[string]string{ana: "0h=", spaceID(0): "2h="}, "space_without_creator",
		},
	)
}

func TestR2_4_ManualEntryIsForwardOnly(t *testing.T) {
	entered := rowOn(onProfile, user0, "", "FG3877", 4)
	tellStories(t,
		story{
			"on a profile: Spaces created before keep what they had, later ones take it",
			[]item{anyUser(0, ana, 1, 20), entered, anySpace(0, ana, 2), anySpace(1, ana, 5), anySpace(2, ana, 4)},
			map[string]string{ana: "1h=, 4h=FG3877", spaceID(0): "2h=", spaceID(1): "5h=FG3877", spaceID(2): "4h=FG3877"}, "",
		},
		story{
			"on a Space, and cleared",
			together(byHand(0, 0, ""), []item{rowOn(onSpace, spaceID(0), "", "FG3877", 2), seenOn(onSpace, spaceID(0), "", 5)}),
			map[string]string{spaceID(0): "0h=, 2h=FG3877, 5h="}, "space_without_creator",
		},
	)
}

func TestR2_5_TakeoverEndsTheFormerInterval(t *testing.T) {
	tellStories(t, story{
		"at its instant, to the second",
		together(byHand(0, 0, "FG3877"), []item{rowOn(onSpace, spaceID(0), "FG3877", "AB1234", 3)}),
		map[string]string{spaceID(0): "0h=FG3877, 3h=AB1234"}, "space_without_creator",
	})
}

func TestR2_7_StatedAgainstDerived(t *testing.T) {
	base := []item{anyUser(0, ana, 1, 20), seenOn(onProfile, user0, "FG3877", 1), anySpace(0, ana, 2)}
	tellStories(t,
		story{
			"what Salesforce states wins", together(base, []item{seenOn(onSpace, spaceID(0), "AB1234", 6)}),
			map[string]string{spaceID(0): "2h=AB1234"}, "partner_id_mismatch",
		},
		story{
			"a blank yields", together(base, []item{seenOn(onSpace, spaceID(0), "", 6)}),
			map[string]string{spaceID(0): "2h=FG3877"}, "partner_id_missing_in_salesforce",
		},
		story{
			"a clearing is not a blank", together(base, []item{rowOn(onSpace, spaceID(0), "FG3877", "", 5), seenOn(onSpace, spaceID(0), "", 6)}),
			map[string]string{spaceID(0): "2h=FG3877, 5h="}, "",
		},
		story{
			"of a profile as of a Space",
			together(byHand(1, 0, "FG3877"), []item{anyInvitation(1, ana, 1), anyUser(0, ana, 2, 20), seenOn(onProfile, user0, "AB1234", 3)}),
			map[string]string{ana: "2h=AB1234"}, "partner_id_mismatch, space_without_creator",
		},
	)
}

func TestR2_8_UnknownAndMalformed(t *testing.T) {
	tellStories(t,
		story{
			"an ID that was not issued is recorded, and holds",
			together(byHand(0, 0, "FG3877"), []item{rowOn(onSpace, spaceID(0), "FG3877", "ZZ9999", 3)}),
			map[string]string{spaceID(0): "0h=FG3877, 3h=ZZ9999"}, "space_without_creator, unknown_partner_id",
		},
		story{
			"a malformed one ends the interval before it, and holds",
			together(byHand(0, 0, "FG3877"), []item{rowOn(onSpace, spaceID(0), "FG3877", "FG-3877", 3)}),
			map[string]string{spaceID(0): "0h=FG3877, 3h=FG-3877"}, "malformed_partner_id, space_without_creator",
		},
	)
}

// TestR2_8_AnAddedPartnerIsKnown: once the ID is issued, the hold goes by itself,
// and the history stays as it was.
func TestR2_8_AnAddedPartnerIsKnown(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save(byHand(0, 0, "ZZ9999"))
	l.replayBy(10)
	if got := openKinds(l); got != "space_without_creator, unknown_partner_id" {
		t.Errorf("open are %q", got)
	}
	l.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		p := ledger.Partner{
			Key: "late", Name: "Late", Kind: ledger.KindRegistered, Status: ledger.StatusActive,
			JoinedOn: clock.NewDate(2019, 1, 1), IDs: []string{"ZZ9999"},
		}
		if err := ledger.SavePartner(ctx, tx, p, "test", l.now); err != nil {
			return err
		}
		spaces, err := attribution.HeldBy(ctx, tx, p.IDs)
		if err != nil {
			return err
		}
		return attribution.MarkSpaces(ctx, tx, spaces, l.now)
	})
	if r := l.replayBy(10); r.Subjects != 1 || r.Changed != 0 {
		t.Errorf("replayed %+v", r)
	}
	if got := openKinds(l); got != "space_without_creator" || shownHistory(l, spaceID(0)) != "0h=ZZ9999" {
		t.Errorf("open are %q, history %s", got, shownHistory(l, spaceID(0)))
	}
}

func TestR2_9_OrderOfOneInstant(t *testing.T) {
	row := func(n int, old, is string) item {
		it := rowOn(onSpace, spaceID(1), old, is, 3)
		r := it.fact.(attribution.HistoryRow)
		r.ID = id("0170S", idTails[n])
		it.fact = r
		return it
	}
	tellStories(t,
		story{
			"changes in the order of their chain, against that of their Ids; then the registration; then the creation",
			together(byHand(1, 0, "FG3877"), []item{
				row(0, "FG3877", "CD5678"), row(1, "CD5678", "AB1234"),
				anyInvitation(1, ana, 3), anyUser(0, ana, 3, 20), anySpace(0, ana, 3),
			}),
			map[string]string{spaceID(1): "0h=FG3877, 3h=AB1234", ana: "3h=AB1234", spaceID(0): "3h=AB1234"}, "space_without_creator",
		},
	)
}

func TestR2_10_OneProfilePerKey(t *testing.T) {
	edited := anyUser(0, "ana.new@client.example", 2, 25)
	edited.after = 0
	tellStories(t,
		story{
			"several records: the earliest registered states the ID",
			[]item{
				anyUser(0, ana, 2, 20), seenOn(onProfile, user0, "FG3877", 2),
				anyUser(1, ana, 1, 20), seenOn(onProfile, user1, "AB1234", 1),
			},
			map[string]string{ana: "1h=AB1234"}, "duplicate_profile",
		},
		story{
			"of one instant the smaller Id, a capital before a small letter",
			[]item{
				anyUser(0, ana, 1, 20), seenOn(onProfile, user0, "FG3877", 1), // …b
				anyUser(1, ana, 1, 20), seenOn(onProfile, user1, "AB1234", 1), // …A
			},
			map[string]string{ana: "1h=AB1234"}, "duplicate_profile",
		},
		story{
			"registered at the earliest of its records and its QuickStarts",
			[]item{anyUser(0, ana, 3, 20), seenOn(onProfile, user0, "FG3877", 3), quickStart(0, ana, "", 1)},
			map[string]string{ana: "1h=FG3877", spaceID(0): "1h=FG3877"}, "",
		},
		story{
			"an edited e-mail becomes an alias: Spaces created under either are the user's",
			[]item{
				anyUser(0, ana, 2, 20), edited, seenOn(onProfile, user0, "FG3877", 2),
				anySpace(0, "ana.new@client.example", 4), anySpace(1, ana, 5),
			},
			map[string]string{ana: "2h=FG3877", spaceID(0): "4h=FG3877", spaceID(1): "5h=FG3877", "ana.new@client.example": ""}, "",
		},
	)
}

func TestR2_11_WhatEndsNothing(t *testing.T) {
	base := []item{anyUser(0, ana, 1, 20), seenOn(onProfile, user0, "FG3877", 1), anySpace(0, ana, 2)}
	handed := anySpace(0, ana, 2)
	s := handed.fact.(attribution.Space)
	s.AccountID, s.Name, s.Modstamp = id("0010", "B"), "In other hands", slotTime(28)
	handed.fact = s
	want := map[string]string{ana: "1h=FG3877", spaceID(0): "2h=FG3877"}
	tellStories(t,
		story{"a handover to another customer", together(base, []item{handed}), want, ""},
		story{"deleting the Space", together(base, []item{deleted(base[2])}), want, ""},
		story{"deleting the user's record", together(base, []item{deleted(base[0])}), want, ""},
	)
}

// TestR1_2_TheRawAddressIsKept: the raw text is kept beside the key.
func TestR1_2_TheRawAddressIsKept(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	raw := " Ana.K+x@Bücher.example "
	key, err := ledger.EmailKey(raw)
	if err != nil || key != "ana.k+x@xn--bcher-kva.example" {
		t.Fatalf("%q, %v", key, err)
	}
	u := anyUser(0, key, 1, 20)
	r := u.fact.(attribution.UserRecord)
	r.Email = raw
	u.fact = r
	l.save([]item{u})
	l.replayBy(1)
	var kept struct{ Email, Key string }
	if err := db.QueryRow(`select email, email_key from ledger.profile_record`).Scan(&kept.Email, &kept.Key); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(struct{ Email, Key string }{raw, key}, kept); d != "" {
		t.Error(d)
	}
}
