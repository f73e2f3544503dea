package emulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// How far back an org tells what was changed and deleted, and how many ids it
// tells at once.
const (
	updatedWindow = 30 * 24 * time.Hour
	deletedWindow = 15 * 24 * time.Hour
	maxReplicated = 600_000
)

// getUpdated answers sobjects/X/updated/?start=…&end=…: the ids of the records
// that were made or changed.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getupdated.htm
func (o *Org) getUpdated(c *call) error {
	t, start, end, err := o.replicationOf(c, updatedWindow)
	if err != nil {
		return err
	}
	records, err := o.changedBetween(t, start, end, false)
	if err != nil {
		return err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.id
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"ids": ids, "latestDateCovered": o.latestCovered(end)})
	return nil
}

// getDeleted answers sobjects/X/deleted/?start=…&end=….
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getdeleted.htm
func (o *Org) getDeleted(c *call) error {
	t, start, end, err := o.replicationOf(c, deletedWindow)
	if err != nil {
		return err
	}
	records, err := o.changedBetween(t, start, end, true)
	if err != nil {
		return err
	}
	out := make([]map[string]string, len(records))
	for i, r := range records {
		out[i] = map[string]string{"id": r.id, "deletedDate": schema.DateTimeText(r.at)}
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"deletedRecords": out,
		"earliestDateAvailable": schema.DateTimeText(o.Now().Add(-deletedWindow).Truncate(time.Minute).Unix()),
		"latestDateCovered":     o.latestCovered(end)})
	return nil
}

// replicationOf reads object and time span of a request.
func (o *Org) replicationOf(c *call, window time.Duration) (t *store.Table, start, end time.Time, err error) {
	obj, err := o.object(c)
	if err != nil {
		return nil, start, end, err
	}
	q := c.r.URL.Query()
	if start, err = replicationTime(q.Get("start"), "start"); err == nil {
		end, err = replicationTime(q.Get("end"), "end")
	}
	if err == nil {
		err = o.checkSpan(start, end, window)
	}
	return o.Tables[obj.Name], start, end, err
}

// checkSpan refuses a span that is empty or too far back.
func (o *Org) checkSpan(start, end time.Time, window time.Duration) error {
	switch {
	case end.Sub(start) < time.Minute:
		return refuse(http.StatusBadRequest, "INVALID_REPLICATION_DATE", "endDate must be at least a minute greater than the startDate")
	case start.Before(o.Now().Add(-window).Truncate(time.Minute)):
		return refuse(http.StatusBadRequest, "INVALID_REPLICATION_DATE", "startDate cannot be more than %d days ago", int(window.Hours()/24))
	}
	return nil
}

// replicationTime reads an instant; its seconds do not count. A plus sign that
// a client left unencoded has come as a space.
func replicationTime(text, name string) (time.Time, error) {
	if text == "" {
		return time.Time{}, refuse(http.StatusBadRequest, "MISSING_ARGUMENT", "%s parameter is required", name)
	}
	t, ok := schema.ParseDateTime(strings.ReplaceAll(strings.TrimSpace(text), " ", "+"))
	if !ok {
		return time.Time{}, refuse(http.StatusBadRequest, "ILLEGAL_QUERY_PARAMETER_VALUE", "Unable to parse %s date: %s", name, schema.Shorten(text))
	}
	return t.Truncate(time.Minute), nil
}

// replicated is a record of which a replication call tells.
type replicated struct {
	id string
	at int64
}

// changedBetween lists the records that changed in [start, end), or were deleted
// then, in the order of the changes.
func (o *Org) changedBetween(t *store.Table, start, end time.Time, deleted bool) ([]replicated, error) {
	o.RLockTidy(t)
	defer o.RUnlock()
	var out []replicated
	t.ByTime.Walk(store.Span{Lo: start.Unix(), Hi: end.Unix() - 1}, false, func(r *store.Record) bool {
		if r.Deleted == deleted {
			out = append(out, replicated{r.ID, r.Modstamp})
		}
		return len(out) <= maxReplicated
	})
	if len(out) > maxReplicated {
		return nil, refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "exceeded maximum limit of %d ids, choose a smaller span", maxReplicated)
	}
	return out, nil
}

// latestCovered is the end of a span, or the present.
func (o *Org) latestCovered(end time.Time) string {
	now := o.Now().Truncate(time.Minute)
	if now.Before(end) {
		end = now
	}
	return schema.DateTimeText(end.Unix())
}
