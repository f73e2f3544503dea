package portal

import (
	"slices"
	"time"

	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/quota"
	"github.com/partnersync/partnersync/sync/schedule"
)

type alertView struct {
	Title, Text, Hint string
	Since             moment
	IsUnsent          bool // a message of it could not be sent yet, or not at all
}

type objectView struct {
	Object, Waits, WaitsFor string
	ReadTo                  moment
}

type replicaView struct {
	Name, Version, Work string
	Since               moment
	Heard               string
	IsGone              bool
}

type quotaView struct {
	Tone, Text string
	Heard      *moment
	AskedFrom  *moment // until when runs do not ask the org again
	Jobs       []quotaJobView
}

type quotaJobView struct{ Stage, Calls, Budget string }

// watchViews shows how fresh things are, what is late, what somebody was told of, and how
// the quota stands.
func (s *site) watchViews(v *view, snap snapshot) {
	for _, a := range snap.alerts {
		v.Alerts = append(v.Alerts, alertView{a.Title, a.Text, a.Hint, s.moment(a.OpenedAt, snap.at), a.Trouble != ""})
	}
	for _, o := range snap.watch.Objects {
		view := objectView{Object: o.Object, ReadTo: moment{Ago: "not as a whole yet"}}
		if o.IsRead() {
			view.ReadTo = s.moment(o.ReadTo, snap.at)
		}
		if o.Waits > 0 {
			view.Waits = grouped(o.Waits)
			view.WaitsFor = waited(o.WaitsSince, snap.at)
		}
		v.Objects = append(v.Objects, view)
	}
	for _, l := range snap.watch.Late {
		isTold := func(a alert.Alert) bool { return a.Kind == alert.Late && a.Subject == l.Name }
		if !slices.ContainsFunc(snap.alerts, isTold) {
			v.Late = append(v.Late, l.String())
		}
	}
	switch n := snap.watch.Due.Sources; n {
	case 0:
	case 1:
		v.Due = "1 source is due"
	default:
		v.Due = grouped(n) + " sources are due"
	}
	for _, r := range snap.watch.Replicas {
		v.Replicas = append(v.Replicas, replicaView{
			Name: r.Name, Version: r.Version, Work: r.AtWork(), Since: s.moment(r.StartedAt, snap.at),
			Heard: ago(time.Duration(r.Silent) * time.Second), IsGone: r.IsGone(),
		})
	}
	v.OfVersions = schedule.DifferInVersion(snap.watch.Replicas)
	v.Quota = s.quotaView(snap)
}

func (s *site) quotaView(snap snapshot) quotaView {
	q := snap.watch.Quota
	v := quotaView{Tone: "idle", Text: "The org has not said how many requests are left."}
	for _, j := range q.Jobs {
		job := quotaJobView{Stage: j.Stage, Calls: grouped(j.Calls)}
		if j.Budget != nil {
			job.Budget = grouped(*j.Budget)
		}
		v.Jobs = append(v.Jobs, job)
	}
	if q.State == quota.Unknown || q.State == "" {
		return v
	}
	heard := s.moment(q.HeardAt, snap.at)
	v.Heard = &heard
	if from := q.AskedFrom; from != nil && from.After(snap.at) {
		m := s.moment(*from, snap.at)
		v.AskedFrom = &m
	}
	v.Text = grouped(q.Left) + " of " + grouped(q.Allowed) + " requests are left; " + grouped(q.Reserve) + " are reserved for others"
	switch q.State {
	case quota.Slow:
		v.Tone, v.Text = "warn", v.Text+", and requests are spread."
	case quota.Held:
		v.Tone, v.Text = "bad", v.Text+", and jobs are put off."
	case quota.Open, quota.Unknown:
		v.Tone, v.Text = "good", v.Text+"."
	}
	return v
}

func outboxViewOf(t outbox.Tally, snap snapshot) outboxView {
	v := outboxView{Object: t.Object, Unsent: grouped(t.Unsent), Waiting: grouped(t.Waiting), Quarantined: grouped(t.Quarantined)}
	for _, a := range snap.watch.Outbox {
		if a.Object == t.Object {
			v.Oldest, v.OldestQuarantined = waited(a.UnsentSince, snap.at), waited(a.QuarantinedSince, snap.at)
		}
	}
	return v
}

// waited says since when something waits; "" if nothing does.
func waited(since *time.Time, now time.Time) string {
	if since == nil {
		return ""
	}
	return ago(now.Sub(*since))
}

func lateNames(snap snapshot) (out []string) {
	for _, l := range snap.watch.Late {
		out = append(out, l.Job())
	}
	return out
}
