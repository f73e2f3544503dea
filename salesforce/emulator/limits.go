package emulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// limit is one of those that the limits resource lists.
type limit struct {
	name string
	max  int
	// window is over what uses are counted, rolling; 0 is a limit of what there is.
	window time.Duration
}

const (
	hourly  = time.Hour
	daily   = 24 * time.Hour
	monthly = 30 * 24 * time.Hour
)

// orgLimits are the limits of an org: the names that an org answers with at v62
// and later, with the Max of the vendor's example or of an org without add-ons.
// https://developer.salesforce.com/docs/platform/api-rest/guide/resources-limits.html
var orgLimits = []limit{
	{"ActiveScratchOrgs", 3, 0}, {"AnalyticsExternalDataSizeMB", 40_960, daily}, {"CdpAiInferenceApiMonthlyLimit", 500_000_000, monthly},
	{"ConcurrentAsyncGetReportInstances", 200, 0}, {"ConcurrentEinsteinDataInsightsStoryCreation", 5, 0}, {"ConcurrentEinsteinDiscoveryStoryCreation", 2, 0},
	{"ConcurrentSyncReportRuns", 20, 0}, {"ContentDistBandwidthLimitMB", 10_240, daily}, {"ContentDistViewLimit", 50_000, daily}, {"ContentPublicationLimit", 2_500, daily},
	{"DailyAnalyticsDataflowJobExecutions", 60, daily}, {"DailyAnalyticsUploadedFilesSizeMB", 51_200, daily},
	{"DailyApexCursorLimit", 10_000, daily}, {"DailyApexCursorRowsLimit", 100_000_000, daily}, {"DailyApexPCursorLimit", 200_000, daily},
	{"DailyApiRequests", defaultDailyLimit, daily}, {"DailyAsyncApexExecutions", 250_000, daily}, {"DailyAsyncApexTests", 500, daily},
	{"DailyBulkApiBatches", 15_000, daily}, {"DailyBulkV2QueryFileStorageMB", 976_562, daily}, {"DailyBulkV2QueryJobs", 10_000, daily},
	{"DailyDataCloudCursorLimit", 10_000, daily}, {"DailyDataCloudCursorRowsLimit", 100_000_000, daily}, {"DailyDeliveredPlatformEvents", 50_000, daily},
	{"DailyDurableGenericStreamingApiEvents", 10_000, daily}, {"DailyDurableStreamingApiEvents", 10_000, daily},
	{"DailyEinsteinDataInsightsStoryCreation", 1_000, daily}, {"DailyEinsteinDiscoveryOptimizationJobRuns", 25, daily},
	{"DailyEinsteinDiscoveryPredictAPICalls", 50_000, daily}, {"DailyEinsteinDiscoveryPredictionsByCDC", 500_000, daily}, {"DailyEinsteinDiscoveryStoryCreation", 100, daily},
	{"DailyFunctionsApiCallLimit", 235_000, daily}, {"DailyGenericStreamingApiEvents", 10_000, daily}, {"DailyMetadataRetrievesWithDependencies", 1_000, daily},
	{"DailyScratchOrgs", 6, daily}, {"DailyStandardVolumePlatformEvents", 25_000, daily}, {"DailyStreamingApiEvents", 200_000, daily}, {"DailyWorkflowEmails", 100_000, daily},
	{"DataStorageMB", 10_240, 0}, {"DurableStreamingApiConcurrentClients", 2_000, 0},
	{"ExternalServicesActiveObjects", 10_000, 0}, {"ExternalServicesActiveOperations", 2_500, 0}, {"ExternalServicesObjectProperties", 150_000, 0},
	{"ExternalServicesObjects", 25_000, 0}, {"ExternalServicesOperations", 15_000, 0}, {"ExternalServicesRegistrations", 150, 0},
	{"FileStorageMB", 10_240, 0}, {"HourlyAsyncReportRuns", 1_200, hourly}, {"HourlyDashboardRefreshes", 200, hourly}, {"HourlyDashboardResults", 5_000, hourly},
	{"HourlyDashboardStatuses", 999_999_999, hourly}, {"HourlyElevateAsyncReportRuns", 2_400, hourly}, {"HourlyElevateSyncReportRuns", 1_000, hourly},
	{"HourlyLongTermIdMapping", 100_000, hourly}, {"HourlyManagedContentPublicRequests", 50_000, hourly}, {"HourlyODataCallout", 20_000, hourly},
	{"HourlyPublishedPlatformEvents", 250_000, hourly}, {"HourlyPublishedStandardVolumePlatformEvents", 100_000, hourly}, {"HourlyShortTermIdMapping", 100_000, hourly},
	{"HourlySyncReportRuns", 500, hourly}, {"HourlyTimeBasedWorkflow", 1_000, hourly}, {"MassEmail", 5_000, daily}, {"MaxContentDocumentsLimit", 30_000_000, 0},
	{"MonthlyEinsteinDiscoveryStoryCreation", 500, monthly}, {"Package2VersionCreates", 6, daily}, {"Package2VersionCreatesWithoutValidation", 500, daily},
	{"PermissionSets", 1_500, 0}, {"PlatformEventTriggersWithParallelProcessing", 5, 0}, {"PrivateConnectOutboundCalloutHourlyLimitMB", 0, hourly},
	{"PublishCallbackUsageInApex", 5_242_880, daily}, {"ScheduledFlowRunLimit", 250_000, daily}, {"ScheduledPathRunLimit", 250_000, daily},
	{"SingleEmail", 5_000, daily}, {"StreamingApiConcurrentClients", 2_000, 0},
}

// recordKB is what the platform counts for a record, whatever is in it.
// https://help.salesforce.com/s/articleView?id=xcloud.overview_storage.htm
const recordKB = 2

// limits answers /limits: what an org may use, and what is left of it.
func (o *Org) limits(c *call) error {
	out := map[string]any{}
	for _, l := range orgLimits {
		most := o.limitMax(l)
		left := map[string]any{"Max": most, "Remaining": max(most-o.limitUsed(l), 0)}
		if l.name == "PermissionSets" {
			left["CreateCustom"] = map[string]any{"Max": 1_000, "Remaining": 1_000}
		}
		out[l.name] = left
	}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

func (o *Org) limitMax(l limit) int {
	if l.name == "DailyApiRequests" {
		return o.opt.DailyLimit
	}
	if n, ok := o.opt.Limits[l.name]; ok {
		return n
	}
	return l.max
}

// limitUsed gives what is used of a limit.
func (o *Org) limitUsed(l limit) int {
	now := o.opt.Clock.Now()
	switch l.name {
	case "DailyApiRequests":
		o.traffic.mu.Lock()
		defer o.traffic.mu.Unlock()
		return o.traffic.used(now)
	case "DataStorageMB":
		n := 0
		for _, obj := range o.Schema.Objects {
			if obj.HistoryOf == "" {
				n += o.Count(obj.Name)
			}
		}
		return (n*recordKB + 1023) / 1024
	}
	return o.uses.within(l.name, now, l.window)
}

// Spend uses up n of a limit of the limits resource, such as "DailyBulkV2QueryJobs",
// and says whether there was so much left; if not, nothing is used. A name that the
// resource does not list is without limit.
func (o *Org) Spend(name string, n int) bool {
	i := slices.IndexFunc(orgLimits, func(l limit) bool { return l.name == name })
	if i < 0 {
		return true
	}
	return o.uses.spend(name, n, o.limitMax(orgLimits[i]), o.opt.Clock.Now(), orgLimits[i].window)
}

// uses counts what is used of the limits that other rooms spend, in parts of their
// windows.
type uses struct {
	mu     sync.Mutex
	byName map[string]map[int64]int // by name and by the part's number
}

// windowParts is in how many parts a window is counted.
const windowParts = 24

func (u *uses) within(name string, now time.Time, window time.Duration) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sum(name, now, window)
}

// sum counts what is in the window, and forgets what is not.
func (u *uses) sum(name string, now time.Time, window time.Duration) int {
	n := 0
	last := partOf(now, window)
	for part, used := range u.byName[name] {
		if window > 0 && (part <= last-windowParts || part > last) {
			delete(u.byName[name], part)
			continue
		}
		n += used
	}
	return n
}

func partOf(at time.Time, window time.Duration) int64 {
	if window == 0 {
		return 0
	}
	return at.UnixNano() / int64(window/windowParts)
}

func (u *uses) spend(name string, n, most int, now time.Time, window time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sum(name, now, window)+n > most {
		return false
	}
	if u.byName == nil {
		u.byName = map[string]map[int64]int{}
	}
	if u.byName[name] == nil {
		u.byName[name] = map[int64]int{}
	}
	u.byName[name][partOf(now, window)] += n
	return true
}

// recordCount answers limits/recordCount: how many records objects have, those in
// the recycle bin not counted.
// https://developer.salesforce.com/docs/platform/api-rest/guide/resources-record-count.html
func (o *Org) recordCount(c *call) error {
	type count struct {
		Count int    `json:"count"`
		Name  string `json:"name"`
	}
	var wanted []string
	for name := range strings.SplitSeq(c.r.URL.Query().Get("sObjects"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			wanted = append(wanted, name)
		}
	}
	out := []count{}
	for _, obj := range o.Schema.Objects {
		isWanted := slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, obj.Name) })
		if obj.HistoryOf == "" && (len(wanted) == 0 || isWanted) && !decisionOf(c.r.Context()).HidesObject(obj.Name) {
			out = append(out, count{o.Count(obj.Name), obj.Name})
		}
	}
	slices.SortFunc(out, func(a, b count) int { return strings.Compare(a.Name, b.Name) })
	writeJSON(c.w, http.StatusOK, map[string]any{"sObjects": out})
	return nil
}
