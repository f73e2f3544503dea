package bulk

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// The sizes in which an ingest job's rows are worked through: rows of one
// transaction are written together, and between two of them others may write;
// the batches count against the org's allocation.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/how_requests_are_processed.htm
const (
	transactionRows = 200
	batchRows       = 10_000
)

// outcome is what became of a row.
type outcome struct {
	start   int    // where the row begins in the data
	id      string // of the record, where it is known
	err     string // "" for success
	created bool
}

// ingest is an ingest job at work.
type ingest struct {
	ctx     context.Context
	jobs    *Jobs
	job     *job
	schema  *schema.Schema // over which the columns were found
	table   *store.Table
	columns []column
	key     int // the column by which rows find their records, -1 if there is none
	keyed   *schema.Field
	w       store.Writer
	reader  *Reader
	stopAt  int // where in the data the job's fate meets it
}

// runIngest writes the job's rows. The error is a *Failure, that of the context,
// or errFated; what was written before stays.
func (j *Jobs) runIngest(ctx context.Context, jb *job) error {
	if err := jb.info.Dialect.CheckEndings(jb.data); err != nil {
		return err
	}
	header, err := jb.info.Dialect.ReadHeader(jb.data)
	if err != nil {
		return err
	}
	in, err := j.newIngest(ctx, jb, header)
	if err != nil {
		return err
	}
	for rows := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := in.read()
		if errors.As(err, new(*Failure)) {
			return err // the whole transaction is given up
		}
		if rows%batchRows == 0 && len(got) > 0 && !j.opt.Spend(limitBatches, 1) {
			return &Failure{"ExceededQuota : ApiBatchItems Limit exceeded."}
		}
		rows += len(got)
		if err := j.opt.Pace(ctx, len(got)); err != nil {
			return context.Canceled // somebody aborts the job meanwhile
		}
		if err := in.write(got); err != nil {
			return err
		}
		in.publish()
		if err != nil || len(got) < transactionRows {
			return err
		}
	}
}

func (j *Jobs) newIngest(ctx context.Context, jb *job, header Header) (*ingest, error) {
	j.mu.Lock()
	jb.header, jb.next = header, header.Rows
	j.mu.Unlock()
	in := &ingest{ctx: ctx, jobs: j, job: jb, reader: jb.info.Dialect.NewReader(jb.data), stopAt: len(jb.data) + 1}
	if jb.fate != FateNone {
		in.stopAt = (header.Rows + len(jb.data)) / 2
	}
	in.reader.Seek(header.Rows)
	j.opt.Store.RLock()
	defer j.opt.Store.RUnlock()
	return in, in.resolve()
}

// resolve finds the job's table and columns in the schema as it is now. Callers
// hold the store's lock.
func (in *ingest) resolve() error {
	st, jb := in.jobs.opt.Store, in.job
	object, ok := in.jobs.object(in.ctx, jb.info.Object)
	if !ok {
		return &Failure{"InvalidJob : Unable to find object: " + jb.info.Object}
	}
	in.schema, in.table, in.key = st.Schema, st.Tables[object.Name], -1
	var err error
	if in.columns, err = columns(st, object, jb.header.Names); err != nil {
		return err
	}
	name := "Id"
	if jb.info.Operation == opUpsert {
		name = jb.info.ExternalID
	}
	if in.keyed, ok = object.Field(name); !ok {
		return &Failure{"InvalidBatch : Field name not found : " + name}
	}
	for i, c := range in.columns {
		if c.field == in.keyed && c.by == nil {
			in.key = i
		}
	}
	if jb.info.Operation == opDelete || jb.info.Operation == opHardDelete {
		if len(in.columns) != 1 || in.key != 0 {
			return &Failure{"InvalidBatch : " + jb.info.Operation + " batch must contain only ids"}
		}
	}
	return nil
}

// row is a row of one transaction.
type row struct {
	start   int
	cells   []string
	key     string
	changes []store.Change
	err     *schema.RowError
}

// read reads the rows of the next transaction; fewer than transactionRows are
// the last. The error is a *Failure, or errFated behind the rows.
func (in *ingest) read() ([]row, error) {
	rows := make([]row, 0, transactionRows)
	for len(rows) < transactionRows {
		cells, err := in.reader.Next()
		if err != nil {
			return nil, err
		}
		if cells == nil {
			return rows, nil
		}
		if in.reader.Start >= in.stopAt {
			in.reader.Seek(in.reader.Start)
			return rows, errFated
		}
		if len(cells) != len(in.columns) {
			return nil, &Failure{fmt.Sprintf("InvalidBatch : Failed to parse CSV. Found a row of %d columns under a header of %d", len(cells), len(in.columns))}
		}
		r := row{start: in.reader.Start, cells: make([]string, len(cells))}
		for i, c := range cells {
			r.cells[i] = string(c)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// write writes the rows of a transaction, each for itself. The error is for a
// schema that has changed so that the job cannot go on; then nothing is written.
func (in *ingest) write(rows []row) error {
	st := in.jobs.opt.Store
	in.w = in.jobs.opt.Writer(in.ctx, in.job.info.CreatedBy)
	st.Lock()
	defer st.Unlock()
	if in.schema != st.Schema {
		if err := in.resolve(); err != nil {
			return err
		}
	}
	for i := range rows {
		in.prepare(&rows[i])
	}
	if in.job.info.Operation == opUpsert {
		in.refuseTwins(rows)
	}
	for i := range rows {
		in.job.outcomes = append(in.job.outcomes, in.writeRow(&rows[i]))
	}
	return nil
}

// publish shows how far the job is.
func (in *ingest) publish() {
	j, jb := in.jobs, in.job
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, o := range jb.outcomes[jb.info.Processed:] {
		if o.err != "" {
			jb.info.Failed++
		}
	}
	jb.info.Processed, jb.info.Modified, jb.next = len(jb.outcomes), j.now(), in.reader.at
}

// prepare reads a row's key and changes.
func (in *ingest) prepare(r *row) {
	for i := range in.columns {
		c := &in.columns[i]
		if i == in.key {
			r.key, r.err = in.readKey(r.cells[i])
			if r.err != nil {
				return
			}
			if c.field.Slot == schema.SlotID || r.key == "" {
				continue
			}
		}
		ch, ok, err := c.change(r.cells[i])
		if err != nil {
			r.err = err
			return
		}
		if ok {
			r.changes = append(r.changes, ch)
		}
	}
	in.refuseKey(r)
}

func (in *ingest) readKey(cell string) (string, *schema.RowError) {
	if cell == null {
		return "", nil
	}
	return canon(in.keyed, cell)
}

// refuseKey fails a row that has no key where it needs one, or has one where it
// may not.
func (in *ingest) refuseKey(r *row) {
	switch op := in.job.info.Operation; {
	case op == opInsert && r.key != "":
		r.err = schema.NewRowError("INVALID_FIELD_FOR_INSERT_UPDATE", "Id", "cannot specify Id in an insert call")
	case op == opUpdate && r.key == "":
		r.err = schema.NewRowError("MISSING_ARGUMENT", "Id", "Id not specified in an update call")
	case (op == opDelete || op == opHardDelete) && r.key == "":
		r.err = schema.NewRowError("MISSING_ARGUMENT", "Id", "Id not specified in a delete call")
	case op == opUpsert && r.key == "" && in.keyed.Slot != schema.SlotID:
		r.err = schema.NewRowError("MISSING_ARGUMENT", "", "%s not specified", in.keyed.Name)
	}
}

// refuseTwins fails the rows of an upsert whose key another row of the same
// transaction has too.
func (in *ingest) refuseTwins(rows []row) {
	first := make(map[string]int, len(rows))
	for i := range rows {
		r := &rows[i]
		if r.err != nil || r.key == "" {
			continue
		}
		k := in.keyed.KeyOfValue(r.key)
		other, ok := first[k]
		if !ok {
			first[k] = i
			continue
		}
		for _, twin := range []*row{&rows[other], r} {
			twin.err = schema.NewRowError("DUPLICATE_VALUE", in.keyed.Name, "Duplicate external id specified: %s", twin.key)
		}
	}
}

// rowErrorText writes a row's error as a result's sf__Error says it: code,
// message, fields.
func rowErrorText(e *schema.RowError) string {
	return e.StatusCode + ":" + e.Message + ":" + strings.Join(append(e.Fields[:len(e.Fields):len(e.Fields)], "--"), " ")
}
