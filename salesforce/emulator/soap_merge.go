package emulator

import (
	"net/http"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// The limits of a merge() call: requests, and records that lose to one.
const (
	maxMerges = 10
	maxLosers = 2
)

// soapMerge answers merge(): accounts, contacts and leads are joined, the
// records below the losers move to the winner.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_merge.htm
func (o *Org) soapMerge(c *soapCall) error {
	requests := c.args.all("request")
	if len(requests) == 0 {
		requests = c.args.all("mergeRequests")
	}
	if len(requests) > maxMerges {
		return refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "merge is limited to %d requests", maxMerges)
	}
	return o.write(c.call, func(w *writing) error {
		for _, r := range requests {
			m, err := w.merge(r)
			if err != nil {
				return err
			}
			m.write(c)
		}
		return nil
	})
}

// merged is what came of one merge.
type merged struct {
	rowResult
	losers, moved []string
}

func (m merged) write(c *soapCall) {
	c.out.WriteString("<result>")
	writeRowErrors(c.out, m.Errors)
	if m.ID == "" {
		nilElement(c.out, "id")
	} else {
		element(c.out, "id", m.ID)
	}
	for _, id := range m.losers {
		element(c.out, "mergedRecordIds", id)
	}
	element(c.out, "success", schema.BoolText(m.Success))
	for _, id := range m.moved {
		element(c.out, "updatedRelatedIds", id)
	}
	c.out.WriteString("</result>")
}

// merge does one merge, whole or not at all.
func (w *writing) merge(request *xmlNode) (merged, error) {
	obj, fields, err := w.org.soapRecord(request.child("masterRecord"))
	if err != nil {
		return merged{}, err
	}
	losers := request.texts("recordToMergeIds")
	if len(losers) == 0 || len(losers) > maxLosers {
		return merged{}, refuse(http.StatusBadRequest, "INVALID_ID_FIELD", "recordToMergeIds must name one or two records")
	}
	savepoint := w.org.Savepoint()
	defer w.org.Release()
	row := w.org.changedRow(obj, fields)
	if e := w.read(row); e != nil {
		return merged{}, &apiError{status: http.StatusBadRequest, code: e.StatusCode, message: e.Message}
	}
	m := merged{rowResult: w.save(row)}
	for _, text := range losers {
		if !m.Success {
			break
		}
		id, e := parseID(obj, text)
		if e == nil {
			var ids []string
			ids, e = w.join(row, id)
			m.losers, m.moved = append(m.losers, id), append(m.moved, ids...)
		}
		if e != nil {
			w.org.RollBack(savepoint)
			m = merged{rowResult: failed(e)}
		}
	}
	return m, nil
}

func (w *writing) join(winner *dataRow, id string) ([]string, *schema.RowError) {
	loser, e := live(winner.table, id)
	if e != nil {
		return nil, e
	}
	return w.org.Join(winner.table, winner.record, loser, w.w)
}
