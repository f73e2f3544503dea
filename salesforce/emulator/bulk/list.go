package bulk

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
)

// listed is how many jobs a list has at most.
const listedJobs = 1000

// list answers GET of all jobs, in pages of a thousand. Bulk API 2.0 knows
// neither jobs of another API nor serial ones nor PK chunking that somebody asked
// for, so those filters leave nothing.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_all_jobs.htm
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_all_jobs.htm
func (j *Jobs) list(c *Call, kind string) error {
	q := c.R.URL.Query()
	if t := q.Get("jobType"); t != "" {
		switch t {
		case typeIngest, typeQuery, "Classic", "BigObjectIngest":
			kind = t
		default:
			return invalidValue("jobType", t)
		}
	}
	if q.Get("isPkChunkingEnabled") == "true" || q.Get("concurrencyMode") == "serial" {
		kind = "none"
	}
	after, err := parseLocator(q.Get("queryLocator"))
	if err != nil {
		return err
	}
	body := struct {
		Done    bool    `json:"done"`
		Records []any   `json:"records"`
		Next    *string `json:"nextRecordsUrl"`
	}{true, []any{}, nil}
	j.mu.Lock()
	seen := 0
	for _, jb := range j.order {
		if jb.info.Type != kind {
			continue
		}
		if seen++; seen <= after {
			continue
		}
		if len(body.Records) == listedJobs {
			q.Set("queryLocator", locator(after+listedJobs))
			next := c.base() + "?" + q.Encode()
			body.Done, body.Next = false, &next
			break
		}
		body.Records = append(body.Records, jb.info.listed())
	}
	j.mu.Unlock() // a slow client holds nobody up
	return writeJSON(c.W, body)
}

// locator writes how many come before, in the form of the platform's locators.
func locator(n int) string { return base64.RawStdEncoding.EncodeToString([]byte(strconv.Itoa(n))) }

// parseLocator reads one; "" is the beginning.
func parseLocator(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	n, numErr := strconv.Atoi(string(b))
	if err != nil || numErr != nil || n < 0 {
		return 0, refuse(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "Invalid query locator: %s", url.QueryEscape(s))
	}
	return n, nil
}
