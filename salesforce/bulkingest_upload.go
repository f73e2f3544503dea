package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/partnersync/partnersync/internal/errs"
)

// UploadIngest sends a job's data while write writes them, so that they are never held
// as a whole, and gives their number of bytes. It is tried once: what was written cannot
// be written again, and a job takes its data once. Whoever does not know whether they
// arrived aborts the job, of which nothing was done yet, and makes another.
//
// They are not packed: the documentation of Bulk API 2.0 promises gzip for answers only.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/upload_job_data.htm
func (c *Client) UploadIngest(ctx context.Context, id string, write func(io.Writer) error) (n int64, err error) {
	defer errs.Wrap(&err, "upload the data of Bulk job %s", id)
	path, err := c.ingestPath(id, "/batches")
	if err != nil {
		return 0, err
	}
	from, to := io.Pipe()
	data := &boundedWriter{to: to}
	written := make(chan error, 1)
	go func() {
		err := write(data)
		_ = to.CloseWithError(err) // it always gives nil
		written <- err
	}()
	resp, err := c.stream(ctx, streamed{
		method: http.MethodPut, path: path, body: from,
		header: http.Header{"Content-Type": {"text/csv; charset=UTF-8"}, "Accept": {"application/json"}},
	})
	// An org that refuses early has not read everything.
	_ = from.CloseWithError(errUnread)
	writeErr := <-written
	switch {
	case writeErr != nil && !errors.Is(writeErr, errUnread):
		err = writeErr
	case err == nil && writeErr != nil:
		err = errs.New(errs.Transient, "the org answered before it had all of the data")
	}
	if resp != nil {
		err = errors.Join(err, resp.Body.Close())
	}
	return data.n, err
}

var errUnread = errors.New("nobody reads the rest")

// boundedWriter counts, and refuses what is more than a job takes.
type boundedWriter struct {
	to io.Writer
	n  int64
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if w.n+int64(len(p)) > MaxIngestUpload {
		return 0, errs.New(errs.Invalid, "the data are longer than %d bytes", MaxIngestUpload)
	}
	n, err := w.to.Write(p)
	w.n += int64(n)
	if err != nil {
		return n, fmt.Errorf("send: %w", err)
	}
	return n, nil
}
