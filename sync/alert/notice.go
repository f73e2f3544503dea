package alert

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// The events of which a message tells.
const (
	EventOpened    = "opened"
	EventChanged   = "changed"
	EventReminder  = "reminder"
	EventRecovered = "recovered"
	EventTest      = "test"
)

// Notice is what a message says, and the body of a webhook.
type Notice struct {
	// ID is the message's; one that is sent a second time has it again. It is not part
	// of what is kept.
	ID    string `json:"id,omitempty"`
	Event string `json:"event"`
	Kind  string `json:"kind"`
	// Subject is a stage, an object or a field; Alert numbers the alert from when it
	// is opened until it has recovered.
	Subject string `json:"subject"`
	Alert   int64  `json:"alert"`
	// Line, Title, Text and Hint are for people: all of it in a line, which says of what is
	// over that it is; a few words; what it is; and what to do, while there is something.
	Line  string `json:"headline,omitempty"`
	Title string `json:"title"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
	// From names the installation.
	From     string    `json:"from,omitempty"`
	OpenedAt time.Time `json:"opened_at"`
	At       time.Time `json:"at"`
}

// Channel sends notices somewhere.
type Channel interface {
	// Name is "webhook" or "mail".
	Name() string
	// Send sends one notice and waits until it is taken. Its error holds no secret.
	Send(ctx context.Context, n Notice) error
}

// notice makes what a message of an alert says.
func (w *Watcher) notice(event string, r row, at time.Time) Notice {
	n := Notice{
		Event: event, Kind: r.Kind, Subject: r.Subject, Alert: r.ID, Title: r.Title, Text: r.Said, Hint: r.Hint,
		From: w.From, OpenedAt: r.OpenedAt.UTC(), At: at.UTC(),
	}
	if event == EventRecovered {
		n.Hint = ""
	}
	n.Line = n.Headline()
	return n
}

// TestNotice is what `alerts test` sends.
func TestNotice(from string, at time.Time) Notice {
	n := Notice{
		ID: fmt.Sprintf("test-%d", at.UnixNano()), Event: EventTest, Kind: "test", Subject: "alerts", Title: "This is a test",
		Text: "Somebody tries out whether alerts arrive. They do.", From: from, OpenedAt: at.UTC(), At: at.UTC(),
	}
	n.Line = n.Headline()
	return n
}

// Headline says the notice in a line.
func (n Notice) Headline() string {
	title := n.Title
	switch n.Event {
	case EventRecovered:
		title = "Over: " + title
	case EventReminder:
		title = "Still so: " + title
	case EventChanged:
		title = "Now: " + title
	}
	from := "Partnersync"
	if n.From != "" {
		from += " of " + n.From
	}
	return oneLine(from + ": " + title)
}

// Letter says the notice in plain text.
func (n Notice) Letter() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", n.Text)
	if n.Event == EventRecovered {
		fmt.Fprintf(&b, "It is over since %s.\n\n", day(n.At))
	} else if n.Hint != "" {
		fmt.Fprintf(&b, "%s\n\n", n.Hint)
	}
	if n.Event != EventTest {
		fmt.Fprintf(&b, "Since %s; kind %s, subject %s, alert %d.\n`partnersync alerts` lists what is open.\n", day(n.OpenedAt), n.Kind, n.Subject, n.Alert)
	}
	return b.String()
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// oneLine makes a text fit for a header.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if cut := []rune(s); len(cut) > 200 {
		return string(cut[:199]) + "…"
	}
	return s
}
