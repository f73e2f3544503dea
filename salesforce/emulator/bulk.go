package emulator

import (
	"context"
	"errors"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/bulk"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// serveBulk answers what lies under /jobs/ingest and /jobs/query.
func (o *Org) serveBulk(c *call) error {
	_, below, _ := strings.Cut(c.r.URL.EscapedPath(), "/jobs/")
	err := o.bulk.Serve(&bulk.Call{W: c.w, R: c.r, Path: decodePath(below), Version: c.version, UserID: c.session.userID,
		Unread: func(body []byte, err error) error { return jsonError(body, 0, err) }})
	var refused *bulk.Error
	if errors.As(err, &refused) {
		return &apiError{status: refused.Status, code: refused.Code, message: refused.Message}
	}
	return err
}

// WaitForJobs comes back when the bulk jobs that are at work now are over, for
// those who do not want to ask again and again.
func (o *Org) WaitForJobs() { o.bulk.Wait() }

// CloseFile stops the bulk jobs and closes the org's file, as Store.CloseFile
// describes; an org without one has nothing to close.
func (o *Org) CloseFile() error {
	o.bulk.Stop()
	return o.Store.CloseFile()
}

// bulkRowFault says whether a row of a bulk job fails by a fault.
func (o *Org) bulkRowFault(ctx context.Context, r bulk.Row) *schema.RowError {
	if !o.failsRows(ctx) {
		return nil
	}
	return o.rowFault(ctx, r.Object, r.Key, r.Fields())
}

// fateOf is what a fault makes of the job that a request begins or closes.
func fateOf(ctx context.Context) bulk.Fate {
	if d := decisionOf(ctx); d != nil {
		return bulk.Fate(d.Job)
	}
	return bulk.FateNone
}
