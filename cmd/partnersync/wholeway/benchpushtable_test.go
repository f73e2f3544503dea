package wholeway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
)

// received counts what the org was asked, by kind, logins aside.
func (p *pushed) received() map[string]int {
	resp, err := http.Get(p.url + "/emulator/requests?n=1000")
	must(p.b, err)
	defer func() { must(p.b, resp.Body.Close()) }()
	raw, err := io.ReadAll(resp.Body)
	must(p.b, err)
	var list []struct{ Method, Path string }
	if err := json.Unmarshal(raw, &list); err != nil {
		var document struct {
			Requests []struct{ Method, Path string }
		}
		must(p.b, json.Unmarshal(raw, &document))
		list = document.Requests
	}
	out := map[string]int{}
	for _, r := range list {
		switch {
		case strings.Contains(r.Path, "/composite/"):
			out["calls"]++
		case strings.Contains(r.Path, "/jobs/"):
			out["jobs"]++
		case strings.Contains(r.Path, "/data/"):
			out["other"]++
		}
	}
	return out
}

// requests is how many the org got, logins aside.
func (p *pushed) requests() int { return p.calls["calls"] + p.calls["jobs"] + p.calls["other"] }

func pushTable(large, small, slow []*pushed) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "by\twhat\tcommissions\ttook\tof it CPU\tcommissions/s\tcalls\tMB\tpeak memory\tof a tenth\t\n")
	for i, p := range large {
		fmt.Fprintf(w, "%s\tfloor: send the same bodies\t%d\t%s\t\t%.0f\t\t%d\t\t\t\n", p.api, p.n, p.floor.Round(10*time.Millisecond), float64(p.n)/p.floor.Seconds(), p.bytes/1_000_000)
		fmt.Fprintf(w, "%s\tread the lines, note the outcomes\t%d\t%s\t\t%.0f\t\t\t\t\t\n", p.api, p.n, p.ledger.Round(10*time.Millisecond), float64(p.n)/p.ledger.Seconds())
		fmt.Fprintf(w, "%s\tpush\t%d\t%s\t%s\t%.0f\t%d\t\t%d MB\t%d MB\t\n", p.api, p.n, p.run.took.Round(10*time.Millisecond), p.run.cpuTime.Round(10*time.Millisecond),
			float64(p.n)/p.run.took.Seconds(), p.requests(), p.run.maxRSS>>20, small[i].run.maxRSS>>20)
		fmt.Fprintf(w, "%s\tnothing new\t0\t%s\t%s\t\t\t\t\t\t\n", p.api, p.nothing.took.Round(10*time.Millisecond), p.nothing.cpuTime.Round(10*time.Millisecond))
	}
	for _, p := range slow {
		fmt.Fprintf(w, "%s\tpush to an org of %d rows/s\t%d\t%s\t%s\t%.0f\t%d\t\t\t\t\n", p.api, p.pace, p.n, p.run.took.Round(10*time.Millisecond), p.run.cpuTime.Round(10*time.Millisecond),
			float64(p.n)/p.run.took.Seconds(), p.requests())
		fmt.Fprintf(w, "%s\tits floor\t%d\t%s\t\t%.0f\t\t\t\t\t\n", p.api, p.n, p.floor.Round(10*time.Millisecond), float64(p.n)/p.floor.Seconds())
	}
	fmt.Fprintf(w, "processor time\t\t\torg\tPostgres\tpush, or who sends\tall\t\t\t\t\n")
	for _, p := range large {
		for _, row := range []struct {
			what string
			spent
		}{{"floor", p.floorCPU}, {"push", p.cpu}} {
			fmt.Fprintf(w, "%s\t%s\t\t%s\t%s\t%s\t%s\t\t\t\t\n", p.api, row.what, row.org, row.database, row.own.Round(10*time.Millisecond), row.sum().Round(10*time.Millisecond))
		}
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return out.String()
}

func pushVerdicts(large, slow []*pushed) string {
	var out strings.Builder
	say := func(ok bool, format string, args ...any) {
		verdict := "PASS"
		if !ok {
			verdict = "FAIL"
		}
		fmt.Fprintf(&out, "%s  %s\n", verdict, fmt.Sprintf(format, args...))
	}
	for _, p := range large {
		part := p.floor.Seconds() / p.run.took.Seconds()
		say(part >= slowestPush, "push by %s: %.2f of the floor's speed, at least %.2f", p.api, part, slowestPush)
		fmt.Fprintf(&out, "      push by %s: %.2f of the speed of both, sending the bodies and the database's part, one after the other\n", p.api, (p.floor+p.ledger).Seconds()/p.run.took.Seconds())
		if p.api == "bulk" {
			n := p.calls["calls"] + p.calls["jobs"] + p.calls["other"]
			say(n <= bulkCalls, "push of %d by bulk: %d calls, at most %d", p.n, n, bulkCalls)
		} else {
			most := (p.n + 199) / 200
			say(p.calls["calls"] <= most, "push of %d by collections: %d calls with records, at most %d", p.n, p.calls["calls"], most)
		}
		fmt.Fprintf(&out, "      push by %s: %.2f of the floor's speed by processor time alone, were the org, Postgres and push to have a processor each\n", p.api, min(1, p.floorCPU.org.Seconds()/max(p.cpu.database, p.cpu.own, p.cpu.org).Seconds()))
		say(p.run.maxRSS>>20 < mostPushMemory, "peak memory by %s: %d MB, less than %d MB", p.api, p.run.maxRSS>>20, mostPushMemory)
	}
	for _, p := range slow {
		part := p.floor.Seconds() / p.run.took.Seconds()
		say(part >= p.slowest, "push by %s to an org of %d rows/s: %.2f of the floor's speed, at least %.2f", p.api, p.pace, part, p.slowest)
	}
	return out.String()
}
