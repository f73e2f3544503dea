package bulk

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// selection is a query job's query, ready to run.
type selection struct {
	schema  *schema.Schema // over which it was compiled
	plan    *query.Plan
	columns []query.Column
}

// parseSelection compiles a query and refuses what Bulk API 2.0 does not answer.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_create_job.htm
func parseSelection(st *store.Store, text string, all bool) (*selection, error) {
	q, serr := soql.Parse(text)
	if serr != nil {
		return nil, queryError(serr)
	}
	if err := refuseSelection(q); err != nil {
		return nil, err
	}
	p, serr := query.New(st, text, all)
	if serr != nil {
		return nil, queryError(serr)
	}
	return &selection{st.Schema, p, p.Columns()}, nil
}

func queryError(e *soql.Error) error { return refuse(http.StatusBadRequest, e.Code, "%s", e.Message) }

// refuseSelection refuses parts of the query language. The wording of the first
// is the platform's; the others follow it.
func refuseSelection(q *soql.Query) error {
	no := func(what string) error {
		return refuse(http.StatusBadRequest, "API_ERROR", "%s not supported in Bulk V2 Query with CSV content type", what)
	}
	for _, item := range q.Select {
		switch {
		case item.Child != nil:
			return no("Aggregate Relationships")
		case item.TypeOf != nil:
			return no("TYPEOF")
		case item.Fields != "":
			return no("FIELDS()")
		}
	}
	switch {
	case q.GroupBy != nil:
		return no("GROUP BY")
	case q.IsAggregate(), q.Count:
		return no("Aggregate functions")
	case q.Offset >= 0:
		return no("OFFSET")
	}
	return nil
}

// names are the names in the result's header.
func (s *selection) names() []string {
	out := make([]string, len(s.columns))
	for i := range s.columns {
		out[i] = s.columns[i].Name
	}
	return out
}

// appendRow writes a record. Callers hold the store's lock.
func (s *selection) appendRow(b []byte, r *store.Record, d Dialect) []byte {
	for i := range s.columns {
		if i > 0 {
			b = append(b, d.Delimiter)
		}
		b = append(b, '"')
		from := len(b)
		b = s.columns[i].AppendText(b, r)
		if bytes.IndexByte(b[from:], '"') >= 0 {
			text := string(b[from:])
			b = AppendCell(b[:from-1], text)
			continue
		}
		b = append(b, '"')
	}
	return d.AppendEnd(b)
}

// checkEvery is after how many rows a query looks whether it was aborted.
const checkEvery = 1024

// lockForQuery takes the store's lock for reading with a selection over the
// schema as it is now; while the job waited for its turn, an admin may have changed
// it. The lock is given back by the selection's plan.
func (j *Jobs) lockForQuery(jb *job) (*selection, error) {
	st := j.opt.Store
	for {
		s := jb.query
		s.plan.RLock()
		if s.schema == st.Schema {
			return s, nil
		}
		next, err := parseSelection(st, jb.text, jb.info.Operation == opQueryAll)
		s.plan.RUnlock()
		var refused *Error
		if errors.As(err, &refused) {
			return nil, &Failure{refused.Code + " : " + refused.Message}
		}
		if err != nil {
			return nil, err
		}
		jb.query = next
	}
}

// runQuery runs the job's query and keeps its result. The store is locked for
// reading all the while, so the result is what the org held at one instant,
// parents included, however long it is fetched afterwards.
func (j *Jobs) runQuery(ctx context.Context, jb *job) error {
	s, err := j.lockForQuery(jb)
	if err != nil {
		return err
	}
	out := &spool{}
	err = func() error {
		defer s.plan.RUnlock()
		for i, r := range s.plan.Run() {
			if i%checkEvery == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			out.buf = s.appendRow(out.buf, r, jb.info.Dialect)
			if err := out.rowEnd(); err != nil {
				return err
			}
		}
		return nil
	}()
	if err == nil && jb.fate != FateNone {
		err = errFated
	}
	if err != nil {
		out.close()
		return err
	}
	if !j.opt.Spend(limitStorage, int(out.bytes()>>20)) {
		out.close()
		return &Failure{"Max bulk v2 query result size stored (1000000000) kb per 24 hrs has been exceeded"}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	jb.result, jb.info.Processed = out, out.rows()
	return nil
}
