package emulator

import (
	"sync/atomic"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// jobStatus is the state of a deploy or a retrieve.
//
//	            first look           next look
//	Pending ───────────────▶ InProgress ──────────▶ Succeeded, SucceededPartial
//	   │                          │                 or Failed
//	   └── cancel ─▶ Canceling ◀──┘
//	                     └─ next look ─▶ Canceled
//
// A look is a call that asks for the status. A job that nobody looks at is taken on
// by the first request that comes after jobPatience.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deployresult.htm
type jobStatus string

const (
	jobPending    jobStatus = "Pending"
	jobInProgress jobStatus = "InProgress"
	jobSucceeded  jobStatus = "Succeeded"
	jobPartial    jobStatus = "SucceededPartial"
	jobFailed     jobStatus = "Failed"
	jobCanceling  jobStatus = "Canceling"
	jobCanceled   jobStatus = "Canceled"
)

const (
	// jobPatience is how long a job waits for somebody to look at it.
	jobPatience = 2 * time.Second
	// maxJobs is how many jobs are remembered. The oldest that are done go first.
	maxJobs = 200
)

// metadataJobs are the deploys and retrieves, oldest first.
type metadataJobs struct {
	all  []*metadataJob
	n    uint64       // of all ids
	open atomic.Int64 // how many are not done
}

// deployOptions say how a package is deployed.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deploy.htm
type deployOptions struct {
	AllowMissingFiles bool     `json:"allowMissingFiles"`
	AutoUpdatePackage bool     `json:"autoUpdatePackage"`
	CheckOnly         bool     `json:"checkOnly"`
	IgnoreWarnings    bool     `json:"ignoreWarnings"`
	PerformRetrieve   bool     `json:"performRetrieve"`
	PurgeOnDelete     bool     `json:"purgeOnDelete"`
	RollbackOnError   bool     `json:"rollbackOnError"`
	RunAllTests       bool     `json:"runAllTests"`
	RunTests          []string `json:"runTests"`
	SinglePackage     bool     `json:"singlePackage"`
	TestLevel         string   `json:"testLevel,omitempty"`
}

// metadataJob is one deploy or retrieve. customization.mu guards it.
type metadataJob struct {
	id      string
	status  jobStatus
	userID  string
	problem string // why the job as a whole failed
	// waits says that the job waits for the requests at work to end.
	waits bool

	created, started, changed, completed time.Time
	canceledBy                           string

	// Of a deploy.
	isDeploy bool
	options  deployOptions
	zip      []byte // until it runs; kept of a validation, for the quick deploy
	messages []metadata.Message

	// Of a retrieve; zip is its result.
	retrieval  metadata.Retrieval
	properties []metadata.Properties
	problems   []metadata.Message
}

func (j *metadataJob) isDone() bool {
	switch j.status {
	case jobSucceeded, jobPartial, jobFailed, jobCanceled:
		return true
	}
	return false
}

// addJob takes a job in. The error is that there are too many at work.
func (o *Org) addJob(j *metadataJob) error {
	c := &o.customization
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.jobs.all) >= maxJobs {
		oldest := -1
		for i, other := range c.jobs.all {
			if other.isDone() {
				oldest = i
				break
			}
		}
		if oldest < 0 {
			return errs.New(errs.Limit, "LIMIT_EXCEEDED: The maximum number of pending metadata operations was reached")
		}
		c.jobs.all = append(c.jobs.all[:oldest], c.jobs.all[oldest+1:]...)
	}
	c.jobs.n++
	prefix := "09S"
	if j.isDeploy {
		prefix = "0Af"
	}
	j.id, j.status = store.MakeID(prefix, c.jobs.n), jobPending
	j.created = o.Now()
	j.changed = j.created
	c.jobs.all = append(c.jobs.all, j)
	c.jobs.open.Add(1)
	return nil
}

// job finds a job; its id may have 15 characters. c.mu is held.
func (c *customization) job(id string, isDeploy bool) *metadataJob {
	for _, j := range c.jobs.all {
		if j.isDeploy == isDeploy && len(id) >= 15 && (j.id == id || j.id[:15] == id) {
			return j
		}
	}
	return nil
}

// look finds a job and takes it on by a step, with those before it in the queue.
func (o *Org) look(id string, isDeploy bool) (metadataJob, bool) {
	c := &o.customization
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.job(id, isDeploy)
	if j == nil {
		return metadataJob{}, false
	}
	for _, before := range c.jobs.all {
		if before == j {
			break
		}
		if !before.isDeploy || !isDeploy {
			continue
		}
		for range 3 { // deploys go one after the other
			o.step(before)
		}
		if !before.isDone() {
			return *j, true
		}
	}
	o.step(j)
	return *j, true
}

// takeOn runs jobs that nobody looks at.
func (o *Org) takeOn() {
	c := &o.customization
	if c.jobs.open.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := o.Now()
	for _, j := range c.jobs.all {
		if !j.isDone() && now.Sub(j.created) >= jobPatience {
			o.step(j)
		}
	}
}

// step takes a job from its state to the next. c.mu is held, shape is not.
func (o *Org) step(j *metadataJob) {
	switch j.status {
	case jobPending:
		j.status, j.started = jobInProgress, o.Now()
	case jobCanceling:
		j.status = jobCanceled
	case jobInProgress:
		if j.isDeploy {
			o.runDeploy(j)
		} else {
			o.runRetrieve(j)
		}
	}
	o.noteStep(j)
}

// noteStep notes when a job has come as far as it is.
func (o *Org) noteStep(j *metadataJob) {
	if !j.completed.IsZero() {
		return
	}
	j.changed = o.Now()
	if j.isDone() {
		j.completed = j.changed
		o.customization.jobs.open.Add(-1)
	}
}

// cancel asks for a deploy to end before it does anything.
func (o *Org) cancel(id, userID string) (metadataJob, bool) {
	c := &o.customization
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.job(id, true)
	if j == nil {
		return metadataJob{}, false
	}
	if !j.isDone() {
		j.status, j.canceledBy, j.changed = jobCanceling, userID, o.Now()
	}
	return *j, true
}

// runDeploy deploys at once if no request is at work, or else when those that are
// have ended; new ones wait for it.
func (o *Org) runDeploy(j *metadataJob) {
	c := &o.customization
	if c.shape.TryLock() {
		defer c.shape.Unlock()
		o.deploy(j)
		return
	}
	if j.waits {
		return
	}
	j.waits = true
	go func() {
		c.shape.Lock()
		defer c.shape.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		if j.status == jobInProgress { // nobody has canceled it meanwhile
			o.deploy(j)
			o.noteStep(j)
		}
	}()
}

// deploy runs a deploy. c.mu and, for writing, shape are held.
func (o *Org) deploy(j *metadataJob) {
	c := &o.customization
	packages, err := metadata.ReadZip(j.zip, j.options.SinglePackage)
	if !j.options.CheckOnly {
		j.zip = nil
	}
	if err != nil {
		j.status, j.problem = jobFailed, err.Error()
		return
	}
	catalog, messages := c.catalog.Deploy(packages, metadata.DeployOptions{At: o.Now(), Data: o.Store, CheckOnly: j.options.CheckOnly,
		AllowMissingFiles: j.options.AllowMissingFiles, IgnoreWarnings: j.options.IgnoreWarnings})
	j.messages, j.status = messages, jobSucceeded
	if j.failures() > 0 {
		j.status = jobPartial
		if j.options.RollbackOnError || j.options.CheckOnly || j.deployed() == 0 {
			j.status = jobFailed
		}
	}
	if j.status == jobFailed || j.options.CheckOnly {
		return
	}
	if err := o.apply(catalog, messages); err != nil {
		j.status, j.problem = jobFailed, err.Error()
	}
}

// failures counts the components that were refused.
func (j *metadataJob) failures() int {
	n := 0
	for _, m := range j.messages {
		if m.IsFailure() {
			n++
		}
	}
	return n
}

// deployed counts the components that were good; package.xml is none.
func (j *metadataJob) deployed() int {
	n := 0
	for _, m := range j.messages {
		if !m.IsFailure() && m.ComponentType != "" {
			n++
		}
	}
	return n
}

func (o *Org) runRetrieve(j *metadataJob) {
	j.retrieval.At = o.Now()
	data, properties, problems, err := o.customization.catalog.Retrieve(j.retrieval)
	if err != nil {
		j.status, j.problem = jobFailed, err.Error()
		return
	}
	j.zip, j.properties, j.problems, j.status = data, properties, problems, jobSucceeded
}

// quickDeploy makes the job of a deploy that was validated, or says why not.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deployRecentValidation.htm
func (o *Org) quickDeploy(id, userID string) (*metadataJob, error) {
	c := &o.customization
	c.mu.Lock()
	j := c.job(id, true)
	valid := j != nil && j.options.CheckOnly && j.status == jobSucceeded && o.Now().Sub(j.completed) < 10*24*time.Hour
	var next *metadataJob
	if valid {
		next = &metadataJob{isDeploy: true, userID: userID, options: j.options, zip: j.zip}
		next.options.CheckOnly = false
	}
	c.mu.Unlock()
	if !valid {
		return nil, errs.New(errs.Invalid, "INVALID_ID_FIELD: The validation with the ID %s was not successful, is older than 10 days, or is none", id)
	}
	return next, o.addJob(next)
}
