package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/sync/stage"
)

// plainEvery is how often a step that takes long says so where there is no
// terminal to draw a bar on.
const plainEvery = 10 * time.Second

// progress shows how far a stage has come, on standard error: bars on a terminal,
// elsewhere a line for each step that ends and now and then for one that lasts.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	name  string
	clock clock.Clock
	bars  bool
	color bool

	what        string
	done, total int64
	bar         *progressbar.ProgressBar
	said        time.Time // when the last plain line was written
}

// progress gives the display of a stage; end it with finish.
func (a *app) progress(name string) *progress {
	_, terminal := isTerminal(a.err)
	return &progress{
		w: a.err, name: name, clock: a.clock,
		bars: terminal && a.variable("TERM") != "dumb", color: a.colored(a.err),
	}
}

// tell is the stage.Progress of the display.
func (p *progress) tell(what string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if what != p.what {
		p.end()
		p.what, p.bar, p.said = what, nil, p.clock.Now()
	}
	p.done, p.total = done, total
	if p.bars {
		p.draw()
		return
	}
	if now := p.clock.Now(); now.Sub(p.said) >= plainEvery {
		p.said = now
		fmt.Fprintln(p.w, p.sentence("…"))
	}
}

// finish ends the step that is shown.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	p.what = ""
}

// end says the last of a step: the bar goes, and a line stays.
func (p *progress) end() {
	if p.what == "" {
		return
	}
	if p.bar != nil {
		// A bar that can't be cleared is a terminal that is gone.
		if err := p.bar.Clear(); err != nil {
			p.bars = false
		}
	}
	fmt.Fprintln(p.w, p.sentence(""))
}

// sentence gives "pull       Space__c  2,000 of 8,000".
func (p *progress) sentence(more string) string {
	amount := thousands(p.done)
	if p.total > p.done {
		amount += " of " + thousands(p.total)
	}
	return fmt.Sprintf("%-10s %s  %s%s", p.name, p.what, amount, more)
}

func (p *progress) draw() {
	total := p.total
	if total <= 0 {
		total = -1 // a spinner: nobody knows how much there is
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription(fmt.Sprintf("%-10s %s", p.name, p.what)),
			progressbar.OptionEnableColorCodes(p.color),
			progressbar.OptionShowCount(),
			progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(65*time.Millisecond),
		)
	}
	if total > 0 && p.bar.GetMax64() != total {
		p.bar.ChangeMax64(total)
	}
	if err := p.bar.Set64(p.done); err != nil {
		p.bars = false
	}
}

// reportCounts writes a report's counts in one line, those that are not nothing:
// "3 changed, 1,204 unchanged". What was staged as it was received, or is here as it is there, is told once. What a pass did
// before it was put off stays done, and is told.
func reportCounts(r stage.Report) string {
	var out []string
	for i, c := range r.Counts {
		object, isReceived := strings.CutSuffix(c.Name, " received")
		if there, is := strings.CutSuffix(c.Name, " in Salesforce"); is && i+1 < len(r.Counts) {
			if next := r.Counts[i+1]; next.N == c.N && (next.Name == there+" staged" || next.Name == there+" known here") {
				continue
			}
		}
		if isReceived && i+1 < len(r.Counts) && r.Counts[i+1] == (stage.Count{Name: object + " staged", N: c.N}) {
			continue
		}
		if c.N != 0 {
			out = append(out, thousands(c.N)+" "+plural(c.Name, c.N))
		}
	}
	did := strings.Join(out, ", ")
	switch {
	case r.Deferred != "" && did == "":
		return "nothing done: " + r.Deferred
	case r.Deferred != "":
		return did + "; then stopped: " + r.Deferred
	case did == "":
		return "nothing new"
	}
	return did
}
