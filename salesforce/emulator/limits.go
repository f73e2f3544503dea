package emulator

import "net/http"

// limits answers /limits: what an org may use, and what is left of it.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
func (o *Org) limits(c *call) error {
	o.traffic.mu.Lock()
	used := o.traffic.used(o.opt.Clock.Now())
	o.traffic.mu.Unlock()
	left := func(limit, used int) map[string]int {
		return map[string]int{"Max": limit, "Remaining": max(limit-used, 0)}
	}
	writeJSON(c.w, http.StatusOK, map[string]map[string]int{
		"DailyApiRequests":              left(o.opt.DailyLimit, used),
		"DailyAsyncApexExecutions":      left(250_000, 0),
		"DailyBulkApiBatches":           left(15_000, 0),
		"DailyBulkV2QueryJobs":          left(10_000, 0),
		"DailyBulkV2QueryFileStorageMB": left(976_562, 0),
		"DataStorageMB":                 left(10_240, 0),
		"FileStorageMB":                 left(10_240, 0),
		"HourlyODataCallout":            left(20_000, 0),
		"SingleEmail":                   left(5_000, 0),
	})
	return nil
}
