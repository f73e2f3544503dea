package emulator

import (
	"net/http"
	"time"
)

// conditional says when a resource last changed, and gives the status with
// which a request that asks for news, or for nothing new, is answered: 304, 412,
// or 0 for an answer as usual. changed is in Unix seconds.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_conditional_requests.htm
func conditional(c *call, changed int64) int {
	switch {
	case c.r.Header.Get("If-Unmodified-Since") != "" && changedSince(c, "If-Unmodified-Since", changed):
		return http.StatusPreconditionFailed
	case c.r.Header.Get("If-Modified-Since") != "" && !changedSince(c, "If-Modified-Since", changed):
		return http.StatusNotModified
	}
	c.w.Header().Set("Last-Modified", time.Unix(changed, 0).UTC().Format(http.TimeFormat))
	return 0
}

// changedSince says whether a change came after the instant of a header. It is
// true for a header that cannot be read, but false for one that is not there.
func changedSince(c *call, header string, changed int64) bool {
	text := c.r.Header.Get(header)
	if text == "" {
		return false
	}
	at, err := http.ParseTime(text)
	return err != nil || changed > at.Unix()
}
