package main

import (
	"time"

	"github.com/partnersync/partnersync/sync/schedule"
)

// replicas writes which replicas of serve there are: a line of one that is as it should be,
// a table of more. That there is none is worth a word where something is late for it.
func (p *page) replicas(w watched) {
	all := w.Replicas
	switch {
	case len(all) == 0 && len(w.Late) > 0:
		p.sentence("no replica of `partnersync serve` is there, so nothing runs by its schedule")
		return
	case len(all) == 0:
		return
	case len(all) == 1 && !all[0].IsGone():
		p.sentence("served by %s (version %s) since %s, heard of %s ago", all[0].Name, all[0].Version, instant(all[0].StartedAt), silence(all[0]))
		return
	}
	p.title("Replicas")
	g := grid{heads: []string{"REPLICA", "VERSION", "SINCE", "HEARD OF", "AT WORK"}, wrap: []int{4}}
	gone := false
	for _, r := range all {
		heard, work := silence(r)+" ago", r.AtWork()
		if r.IsGone() {
			gone = true
			work = p.app.paint(p.w, red, "gone?")
		}
		g.add(r.Name, r.Version, instant(r.StartedAt), heard, work)
	}
	p.table(g.filled())
	if gone {
		p.sentence("of what is gone nothing was heard for a minute: it was killed, is frozen, or has no database. What it had in hand others take up; it is forgotten after a day.")
	}
	if schedule.DifferInVersion(all) {
		p.sentence("they are of different versions, as during an upgrade: bring all to one")
	}
}

// silence says for how long nothing was heard of a replica.
func silence(r schedule.Replica) string { return roughly(time.Duration(r.Silent) * time.Second) }
