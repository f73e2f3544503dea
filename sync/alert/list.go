package alert

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Alert is one as people read it.
type Alert struct {
	ID       int64      `json:"id"`
	Kind     string     `json:"kind"`
	Subject  string     `json:"subject"`
	Title    string     `json:"title"`
	Text     string     `json:"text"`
	Hint     string     `json:"hint,omitempty"`
	OpenedAt time.Time  `json:"opened_at"`
	ClosedAt *time.Time `json:"closed_at,omitempty"`
	// ClosedBy is who ended it, "" if it was over by itself.
	ClosedBy string `json:"closed_by,omitempty"`
	// Sent, Waiting and GivenUp count its messages; Trouble is why one of those that
	// wait or were given up could not be sent.
	Sent    int64  `json:"messages_sent"`
	Waiting int64  `json:"messages_waiting"`
	GivenUp int64  `json:"messages_given_up"`
	Trouble string `json:"trouble,omitempty"`
}

// List gives the open alerts, oldest first, and then the closed ones, latest first; at
// most limit of those. A negative limit is none.
func List(ctx context.Context, q sqlx.QueryerContext, closed int) (_ []Alert, err error) {
	defer errs.Wrap(&err, "list the alerts")
	var rows []struct {
		row
		Sent    int64  `db:"sent"`
		Waiting int64  `db:"waiting"`
		GivenUp int64  `db:"given_up"`
		Trouble string `db:"trouble"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select `+columns+`, m.sent, m.waiting, m.given_up, coalesce(m.trouble, '') as trouble
		from (
			(select `+columns+` from job.alert where closed_at is null)
			union all
			(select `+columns+` from job.alert where closed_at is not null order by closed_at desc, id desc limit $1)
		) a, lateral (
			select count(*) filter (where sent_at is not null) as sent,
				count(*) filter (where sent_at is null and given_up_at is null) as waiting,
				count(*) filter (where given_up_at is not null) as given_up,
				max(last_error) filter (where sent_at is null) as trouble
			from job.alert_message m where m.alert_id = a.id
		) m
		order by closed_at is not null, closed_at desc, opened_at, id`, max(closed, 0)); err != nil {
		return nil, err
	}
	out := make([]Alert, len(rows))
	for i, r := range rows {
		out[i] = Alert{
			ID: r.ID, Kind: r.Kind, Subject: r.Subject, Title: r.Title, Text: r.Said, Hint: r.Hint, OpenedAt: r.OpenedAt.UTC(), ClosedBy: r.ClosedBy,
			Sent: r.Sent, Waiting: r.Waiting, GivenUp: r.GivenUp, Trouble: r.Trouble,
		}
		if r.ClosedAt != nil {
			at := r.ClosedAt.UTC()
			out[i].ClosedAt = &at
		}
	}
	return out, nil
}
