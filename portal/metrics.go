package portal

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// RunMetrics counts the runs that this process has ended. The sum over the
// replicas is what all of them did.
type RunMetrics struct {
	runs     *prometheus.CounterVec
	problems *prometheus.CounterVec
	rows     *prometheus.CounterVec
	flow     *prometheus.CounterVec
	calls    *prometheus.CounterVec
	parts    *prometheus.CounterVec
	partRows *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewRunMetrics makes the metrics of runs and registers them. It panics if the
// registry has them already.
func NewRunMetrics(r prometheus.Registerer) *RunMetrics {
	m := &RunMetrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "partnersync_runs_total",
			Help: "Runs that ended, by how: ok, ok with problems, failed, deferred.",
		}, []string{"stage", "status"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "partnersync_run_problems_total", Help: "Rows that runs left for a person to look at.",
		}, []string{"stage"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "partnersync_rows_total", Help: "What runs counted, by the name of the count in their reports.",
		}, []string{"stage", "count"}),
		flow: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "partnersync_run_rows_total", Help: "Rows that runs took in and gave out, that failed and will be tried again, and that were quarantined.",
		}, []string{"stage", "way"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "partnersync_api_calls_total", Help: "Requests that runs made to Salesforce, by kind; logins and the list of versions cost nothing of its quota.",
		}, []string{"stage", "kind"}),
		parts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "partnersync_parts_total",
			Help: "Parts of shared runs that this process had, by what became of them: done, failed, left to another replica.",
		}, []string{"stage", "state"}),
		partRows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "partnersync_part_rows_total", Help: "Rows of parts of shared runs that this process took in, whichever replica led the run.",
		}, []string{"stage"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "partnersync_run_duration_seconds",
			Help:    "How long runs took.",
			Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 10800},
		}, []string{"stage"}),
	}
	r.MustRegister(m.runs, m.problems, m.rows, m.flow, m.calls, m.parts, m.partRows, m.duration)
	// The stages are there from the start, or the first failure would not
	// look like a rise.
	for _, name := range stage.Names() {
		for _, state := range []string{string(stage.OK), string(stage.WithProblems), string(stage.Failed), "deferred"} {
			m.runs.WithLabelValues(name, state)
		}
		m.problems.WithLabelValues(name)
	}
	return m
}

// Observe counts a run; it is made for schedule.Runner.Observe.
func (m *RunMetrics) Observe(r schedule.Run) {
	m.runs.WithLabelValues(r.Stage, r.State()).Inc()
	m.duration.WithLabelValues(r.Stage).Observe(r.Duration().Seconds())
	m.problems.WithLabelValues(r.Stage).Add(float64(max(r.Report.Problems, 0)))
	for _, c := range r.Report.Counts {
		m.rows.WithLabelValues(r.Stage, c.Name).Add(float64(max(c.N, 0)))
	}
	for way, n := range map[string]int64{"in": r.Report.In, "out": r.Report.Out, "failed": r.Report.RowsFailed, "quarantined": r.Report.RowsQuarantined} {
		m.flow.WithLabelValues(r.Stage, way).Add(float64(max(n, 0)))
	}
	for _, c := range r.Report.Calls {
		m.calls.WithLabelValues(r.Stage, c.Name).Add(float64(max(c.N, 0)))
	}
}

// ObservePart counts a part of a shared run; it is made for schedule.Runner.ObservePart.
func (m *RunMetrics) ObservePart(stage, state string, rows int64) {
	m.parts.WithLabelValues(stage, state).Inc()
	m.partRows.WithLabelValues(stage).Add(float64(max(rows, 0)))
}

var (
	lastStartDesc = prometheus.NewDesc("partnersync_last_run_timestamp_seconds",
		"When the latest run of a stage started.", []string{"stage"}, nil)
	lastSuccessDesc = prometheus.NewDesc("partnersync_last_success_timestamp_seconds",
		"When a stage last finished its work; a deferred run did not.", []string{"stage"}, nil)
	lastDurationDesc = prometheus.NewDesc("partnersync_last_run_duration_seconds",
		"How long the latest run of a stage took; absent while it runs.", []string{"stage"}, nil)
	lastStateDesc = prometheus.NewDesc("partnersync_last_run_state",
		"1 for the state of a stage's latest run: running, ok, ok with problems, failed, interrupted, deferred.",
		[]string{"stage", "state"}, nil)
	unsentDesc = prometheus.NewDesc("partnersync_outbox_unsent",
		"Records that have to reach Salesforce, those that wait to be tried again included.", []string{"object"}, nil)
	waitingDesc = prometheus.NewDesc("partnersync_outbox_waiting",
		"Records that failed and wait to be tried again.", []string{"object"}, nil)
	quarantinedDesc = prometheus.NewDesc("partnersync_outbox_quarantined",
		"Records that Salesforce refuses, and that a person has to look at.", []string{"object"}, nil)
	discrepanciesDesc = prometheus.NewDesc("partnersync_discrepancies_open",
		"Open discrepancies by kind; hold says whether the kind stops money.", []string{"kind", "hold"}, nil)
	readableDesc = prometheus.NewDesc("partnersync_state_readable",
		"1 if the database could be asked for the metrics that are read from it, else 0 and they are absent.", nil, nil)
)

// stateCollector reads from the database what is true of all replicas together.
type stateCollector struct {
	site *site
}

// Describe tells the registry what Collect may give.
func (c stateCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lastStartDesc, lastSuccessDesc, lastDurationDesc, lastStateDesc, unsentDesc,
		waitingDesc, quarantinedDesc, discrepanciesDesc, readableDesc, freshnessDesc, unreconciledDesc, dueDesc, oldestUnsentDesc,
		oldestQuarantinedDesc, lateDesc, alertsDesc, quotaUsedDesc, quotaLimitDesc, quotaRemainingDesc, quotaReserveDesc, quotaStateDesc, quotaSpentDesc} {
		out <- d
	}
}

// Collect gives the state of now.
func (c stateCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	s, err := c.site.snapshots.get(ctx)
	if err != nil {
		c.site.Log.Warn("the state could not be read for the metrics", zap.Error(err))
		gauge(out, readableDesc, 0)
		return
	}
	gauge(out, readableDesc, 1)
	for _, r := range s.latest {
		gauge(out, lastStartDesc, float64(r.StartedAt.Unix()), r.Stage)
		gauge(out, lastStateDesc, 1, r.Stage, r.State())
		if !r.Running() {
			gauge(out, lastDurationDesc, r.Duration().Seconds(), r.Stage)
		}
	}
	for name, at := range s.successes {
		gauge(out, lastSuccessDesc, float64(at.Unix()), name)
	}
	for _, t := range s.watch.Tallies {
		gauge(out, unsentDesc, float64(t.Unsent), t.Object)
		gauge(out, waitingDesc, float64(t.Waiting), t.Object)
		gauge(out, quarantinedDesc, float64(t.Quarantined), t.Object)
	}
	for _, d := range s.discrepancies {
		gauge(out, discrepanciesDesc, float64(d.Open), d.Kind, strconv.FormatBool(d.IsHold))
	}
	collectWatch(out, s)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// registerMetrics adds the portal's metrics to the registry. What is there
// already (the caller may have added the runtime's) is as good.
func (s *site) registerMetrics() {
	for _, c := range []prometheus.Collector{
		stateCollector{site: s},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		var already prometheus.AlreadyRegisteredError
		if err := s.Registry.Register(c); err != nil && !errors.As(err, &already) {
			s.Log.Error("some metrics are missing", zap.Error(err))
		}
	}
}

// metrics answers Prometheus.
func (s *site) metrics() http.Handler {
	return promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{
		ErrorLog:            zap.NewStdLog(s.Log),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		Timeout:             readWithin + readyWithin,
	})
}
