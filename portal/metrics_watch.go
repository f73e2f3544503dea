package portal

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/quota"
)

var (
	freshnessDesc = prometheus.NewDesc("partnersync_object_freshness_seconds",
		"How old what is known of an object of Salesforce's is: since the start of the last pull that read it.", []string{"object"}, nil)
	unreconciledDesc = prometheus.NewDesc("partnersync_object_unreconciled",
		"Versions of records that were pulled and are not reconciled yet.", []string{"object"}, nil)
	dueDesc = prometheus.NewDesc("partnersync_due_sources",
		"Sources that accrue has to work out.", nil, nil)
	oldestUnsentDesc = prometheus.NewDesc("partnersync_outbox_oldest_unsent_seconds",
		"For how long the oldest unsent record waits, those that were put off included.", []string{"object"}, nil)
	oldestQuarantinedDesc = prometheus.NewDesc("partnersync_outbox_oldest_quarantined_seconds",
		"For how long the oldest quarantined record waits for a person.", []string{"object"}, nil)
	lateDesc = prometheus.NewDesc("partnersync_job_late",
		"1 for a job that did not begin, or did not end, in time; absent if none is late.", []string{"job"}, nil)
	alertsDesc = prometheus.NewDesc("partnersync_alerts_open",
		"Open alerts by kind.", []string{"kind"}, nil)
	quotaUsedDesc = prometheus.NewDesc("partnersync_quota_used",
		"Requests of the last 24 hours that the org has counted, of all its users; absent if it has not said.", nil, nil)
	quotaLimitDesc = prometheus.NewDesc("partnersync_quota_limit",
		"Requests that the org allows in 24 hours.", nil, nil)
	quotaRemainingDesc = prometheus.NewDesc("partnersync_quota_remaining",
		"Requests that the org still takes.", nil, nil)
	quotaReserveDesc = prometheus.NewDesc("partnersync_quota_reserve",
		"Requests that are left to the org's other users.", nil, nil)
	quotaStateDesc = prometheus.NewDesc("partnersync_quota_state",
		"1 for how the quota stands: unknown, open, slow, held.", []string{"state"}, nil)
	quotaSpentDesc = prometheus.NewDesc("partnersync_quota_spent",
		"Requests that a stage made in the last 24 hours, on all replicas.", []string{"stage"}, nil)
)

// collectWatch gives what the sync as a whole is watched by.
func collectWatch(out chan<- prometheus.Metric, s snapshot) {
	w := s.watch
	for _, o := range w.Objects {
		if o.IsRead() {
			gauge(out, freshnessDesc, o.Age(s.at).Seconds(), o.Object)
		}
		gauge(out, unreconciledDesc, float64(o.Waits), o.Object)
	}
	gauge(out, dueDesc, float64(w.Due.Sources))
	for _, a := range w.Outbox {
		gauge(out, oldestUnsentDesc, age(a.UnsentSince, s.at), a.Object)
		gauge(out, oldestQuarantinedDesc, age(a.QuarantinedSince, s.at), a.Object)
	}
	for _, l := range w.Late {
		gauge(out, lateDesc, 1, l.Name)
	}
	open := map[string]int{}
	for _, a := range s.alerts {
		open[a.Kind]++
	}
	for _, kind := range alert.Kinds() {
		gauge(out, alertsDesc, float64(open[kind]), kind)
	}
	for _, state := range []quota.State{quota.Unknown, quota.Open, quota.Slow, quota.Held} {
		is := 0.0
		if state == w.Quota.State {
			is = 1
		}
		gauge(out, quotaStateDesc, is, string(state))
	}
	for _, j := range w.Quota.Jobs {
		gauge(out, quotaSpentDesc, float64(j.Calls), j.Stage)
	}
	if w.Quota.State == quota.Unknown || w.Quota.State == "" {
		return
	}
	gauge(out, quotaUsedDesc, float64(w.Quota.Used))
	gauge(out, quotaLimitDesc, float64(w.Quota.Allowed))
	gauge(out, quotaRemainingDesc, float64(w.Quota.Left))
	gauge(out, quotaReserveDesc, float64(w.Quota.Reserve))
}

// age is for how long something waits, in seconds; 0 if nothing does.
func age(since *time.Time, now time.Time) float64 {
	if since == nil {
		return 0
	}
	return max(now.Sub(*since), 0).Seconds()
}
