package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/quota"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/staging"
	"github.com/partnersync/partnersync/sync/watch"
)

// watched is how the sync fares, as `status --output json` gives it.
type watched struct {
	Objects []freshObject  `json:"objects"`
	Due     book.Due       `json:"due"`
	Ages    []outbox.Age   `json:"outbox_ages"`
	Late    []lateJob      `json:"late"`
	Next    []dueJob       `json:"next"`
	Quota   quota.Standing `json:"quota"`
	// Replicas are those of serve that live, and that went away without a word.
	Replicas []schedule.Replica `json:"replicas"`
}

type freshObject struct {
	staging.Freshness
	AgeSeconds float64 `json:"age_seconds"`
}

type lateJob struct {
	Job   string    `json:"job"`
	Due   time.Time `json:"due"`
	Begun bool      `json:"begun"`
	Text  string    `json:"text"`
}

type dueJob struct {
	Job string    `json:"job"`
	At  time.Time `json:"at"`
}

func watchedOf(s watch.State, c watch.Config, now time.Time) watched {
	w := watched{Objects: []freshObject{}, Due: s.Due, Ages: orEmpty(s.Outbox), Late: []lateJob{}, Next: []dueJob{}, Quota: s.Quota, Replicas: orEmpty(s.Replicas)}
	for _, o := range s.Objects {
		w.Objects = append(w.Objects, freshObject{o, o.Age(now).Seconds()})
	}
	for _, l := range s.Late {
		w.Late = append(w.Late, lateJob{l.Name, l.Due, l.Begun, l.String()})
	}
	for _, d := range c.Timetable.After(now) {
		w.Next = append(w.Next, dueJob{d.Name, d.At.UTC()})
	}
	return w
}

// watched writes what is late and open, how fresh each object is, and how the quota stands.
func (p *page) watched(w watched, alerts []alert.Alert, now time.Time) {
	for _, l := range w.Late {
		p.sentence("%s %s", p.app.paint(p.w, red, "late:"), l.Text)
	}
	for _, a := range alerts {
		p.sentence("%s %s since %s (`partnersync alerts` says more)", p.app.paint(p.w, yellow, "alert:"), a.Title, instant(a.OpenedAt))
	}
	p.replicas(w)
	p.next(w)
	p.fresh(w.Objects, now)
	if w.Due.Sources > 0 {
		p.line("%s due to be worked out, the oldest for %s", counted(w.Due.Sources, "source"), since(w.Due.Since, now))
	}
	if w.Quota.State != quota.Unknown || len(w.Quota.Jobs) > 0 {
		p.title("Salesforce's requests")
		p.sentence("%s", quotaLine(w.Quota, now))
	}
	for _, j := range w.Quota.Jobs {
		line := j.Stage + ": " + thousands(j.Calls) + " in 24 hours"
		if j.Budget != nil {
			line += " of " + thousands(*j.Budget)
		}
		p.line("  %s", line)
	}
}

// next writes what runs next by schedule, where somebody is there to run it.
func (p *page) next(w watched) {
	isAlive := func(r schedule.Replica) bool { return !r.IsGone() }
	if len(w.Next) == 0 || !slices.ContainsFunc(w.Replicas, isAlive) {
		return
	}
	var all []string
	for _, d := range w.Next {
		job := d.Job
		if job == schedule.All {
			job = "all stages"
		}
		all = append(all, job+" at "+instant(d.At))
	}
	p.sentence("next by schedule: %s", strings.Join(all, ", "))
}

// fresh writes through when each object is read, and what of it is not reconciled.
func (p *page) fresh(objects []freshObject, now time.Time) {
	if len(objects) == 0 {
		return
	}
	p.title("How fresh it is")
	g := grid{heads: []string{"OBJECT", "READ TO", "AGE", "#TO RECONCILE", "THE OLDEST FOR"}}
	for _, o := range objects {
		waits, oldest := "", ""
		if o.Waits > 0 {
			waits, oldest = thousands(o.Waits), since(o.WaitsSince, now)
		}
		to, age := "not as a whole yet", ""
		if o.IsRead() {
			to, age = instant(o.ReadTo), roughly(o.Age(now))
		}
		g.add(o.Object, to, age, waits, oldest)
	}
	p.table(g.filled())
}

func quotaLine(q quota.Standing, now time.Time) string {
	text := fmt.Sprintf("%s of %s requests are left, %s of them reserved for others", thousands(q.Left), thousands(q.Allowed), thousands(min(q.Left, q.Reserve)))
	switch q.State {
	case quota.Unknown:
		return "the org has not said how many requests are left"
	case quota.Slow:
		text += ": requests are spread"
	case quota.Held:
		text += ": jobs are put off"
	case quota.Open:
	}
	heard := "heard " + roughly(now.Sub(q.HeardAt)) + " ago"
	switch {
	case q.AskedFrom == nil:
	case q.AskedFrom.After(now):
		heard += "; until " + instant(*q.AskedFrom) + " runs do not even ask"
	default:
		heard += "; the next run asks again"
	}
	return text + " (" + heard + ")"
}

func since(at *time.Time, now time.Time) string {
	if at == nil {
		return "no time"
	}
	return roughly(now.Sub(*at))
}

// roughly says how long something is, in one unit.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return counted(int64(max(d, 0)/time.Second), "second")
	case d < time.Hour:
		return counted(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return counted(int64(d/time.Hour), "hour")
	}
	return counted(int64(d/(24*time.Hour)), "day")
}
