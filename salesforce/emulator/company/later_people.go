package company

import (
	"fmt"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// laterPeople makes what happened to users besides: colleagues who were invited
// before or after they registered, profiles that exist twice, and Partner IDs that
// people changed on profiles.
func (g *generator) laterPeople() error {
	known := len(g.profiles)
	for _, c := range g.clients {
		if len(c.spaces) > 0 && g.chance(70) {
			if err := g.colleague(c); err != nil {
				return err
			}
		}
		if g.chance(40) {
			if err := g.secondProfile(c); err != nil {
				return err
			}
		}
	}
	for _, r := range g.profiles[:known] {
		if g.chance(30) {
			g.changeProfile(r)
		}
	}
	return nil
}

// colleague is a second user of a customer, in one of the orders in which invitations
// and registration come.
func (g *generator) colleague(c *client) error {
	email := fmt.Sprintf("%s.%d@%s", pick(g, []string{"kollegin", "finance", "rep", "tester"}), 2+g.rnd.IntN(8), c.domain)
	own, other := c.spaces[len(c.spaces)-1], pick(g, g.firms).space
	first := g.between(time.Unix(ofSpace(own, c.since), 0).Add(time.Hour), g.end.AddDate(0, -2, 0))
	second := first.Add(time.Duration(1+g.rnd.IntN(40*24)) * time.Hour)
	registers := second.Add(time.Duration(1+g.rnd.IntN(30*24)) * time.Hour)
	spaces, at := []*store.Record{own}, []time.Time{first}
	switch way := g.rnd.IntN(100); {
	case way < 30: // to several Spaces, then the registration: the earliest counts
		spaces, at = append(spaces, other), append(at, second)
	case way < 45: // the other way round
		spaces, at = append(spaces, other), append(at, first.Add(-time.Duration(1+g.rnd.IntN(72))*time.Hour))
	case way < 55: // both in one batch
		spaces, at = append(spaces, other), append(at, first)
	case way < 75: // who has a profile is not changed by an invitation
		registers = first.Add(-time.Duration(1+g.rnd.IntN(20*24)) * time.Hour)
	case way < 85: // never registers
		registers = time.Time{}
	case way < 92: // at the very instant
		registers = first
	}
	for i, s := range spaces {
		if _, err := g.put("Space_Invitation__c", at[i], at[i], values{"Space__c", idOf(s), "Email__c", email, "Invited_At__c", g.past(at[i])}); err != nil {
			return err
		}
	}
	if registers.IsZero() || !registers.Before(g.end) {
		return nil
	}
	stated := ""
	if g.chance(150) {
		stated = g.disorder(pick(g, g.firms).id)
	}
	_, err := g.profile(email, registers, stated)
	return err
}

// ofSpace gives when a Space was made, or a stand-in where the org has none.
func ofSpace(s *store.Record, otherwise time.Time) int64 {
	if s == nil {
		return otherwise.Unix()
	}
	return s.Created
}

// secondProfile registers a customer's user a second time: the same address, or one
// that somebody might take for it.
func (g *generator) secondProfile(c *client) error {
	local, domain, _ := strings.Cut(c.user, "@")
	email := pick(g, []string{c.user, strings.ToUpper(local[:1]) + local[1:] + "@" + domain, strings.ToUpper(c.user), local + "+2@" + domain})
	stated := ""
	if g.chance(400) {
		stated = g.disorder(pick(g, g.firms).id)
	}
	_, err := g.profile(email, g.between(c.since.Add(-48*time.Hour), g.end), stated)
	return err
}

// changeProfile states another Partner ID on a profile, or none any more.
func (g *generator) changeProfile(r *store.Record) {
	if r == nil {
		return
	}
	at := g.between(time.Unix(r.Modstamp, 0).AddDate(0, 2, 0), g.end)
	id := pick(g, g.firms).id
	if g.chance(150) {
		id = ""
	}
	if t := g.store.Tables["Space_User__c"]; at.Before(g.end) && r.Text(t.Object, "Partner_ID__c") != id {
		g.restate("Space_User__c", r, "Partner_ID__c", id, at)
	}
}

// laterTakeovers makes quarrels over Spaces: taken over more than once, within a day,
// there and back, cleared and stated again.
func (g *generator) laterTakeovers() error {
	for _, c := range g.clients {
		for _, s := range c.spaces {
			if s == nil || !g.chance(20) {
				continue
			}
			at := g.between(time.Unix(s.Modstamp, 0).AddDate(0, 1, 0), g.end)
			before := s.Text(g.spaceObject(), "Partner_ID__c")
			steps := [][]string{{pick(g, g.firms).id, before}, {"", pick(g, g.firms).id}, {pick(g, g.firms).id, pick(g, g.firms).id, ""}, {pick(g, g.firms).id}}
			gap := pick(g, []time.Duration{0, 20 * time.Second, 5 * time.Hour, 9 * 24 * time.Hour})
			for _, id := range pick(g, steps) {
				if at.Before(g.end) && s.Text(g.spaceObject(), "Partner_ID__c") != id {
					g.restate("Space__c", s, "Partner_ID__c", id, at)
				}
				at = at.Add(gap)
			}
		}
	}
	return nil
}
