package config

import (
	"errors"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/quota"
	"github.com/partnersync/partnersync/sync/stage"
)

// Quota divides the requests that the org allows in 24 hours. Each value is a number of
// requests, or a part of the daily ones such as 20%; empty is no bound of its own.
type Quota struct {
	// Reserve is for the org's other users: no job touches it.
	Reserve string `yaml:"reserve" env:"RESERVE"`
	// Slow is how far above the reserve requests begin to be spread.
	Slow string `yaml:"slow" env:"SLOW"`
	// What each job may spend.
	Pull    string `yaml:"pull" env:"PULL"`
	Push    string `yaml:"push" env:"PUSH"`
	Verify  string `yaml:"verify" env:"VERIFY"`
	Recount string `yaml:"recount" env:"RECOUNT"`
}

// stated lists the values by the last part of their keys.
func (q Quota) stated() []struct{ Name, Share string } {
	return []struct{ Name, Share string }{
		{"reserve", q.Reserve}, {"slow", q.Slow},
		{stage.Pull, q.Pull}, {stage.Push, q.Push}, {stage.Verify, q.Verify}, {stage.Recount, q.Recount},
	}
}

// Policy gives the division as the quota takes it. Of a value that validation has let
// through nothing can go wrong.
func (q Quota) Policy() (quota.Policy, error) {
	p := quota.Policy{Jobs: map[string]quota.Share{}}
	var faults []error
	for _, one := range q.stated() {
		share, err := quota.ParseShare(one.Share)
		faults = append(faults, err)
		switch one.Name {
		case "reserve":
			p.Reserve = share
		case "slow":
			p.Band = share
		default:
			p.Jobs[one.Name] = share
		}
	}
	return p, errors.Join(faults...)
}

func (v *validation) quota() {
	for _, one := range v.config.Salesforce.Quota.stated() {
		if _, err := quota.ParseShare(one.Share); err != nil {
			v.add("salesforce.quota."+one.Name, "%v", err)
		}
	}
}

// faultOf gives what is wrong in a value, without the hint.
func faultOf(err error) string {
	if hint := errs.HintOf(err); hint != "" {
		return err.Error() + "; " + hint
	}
	return err.Error()
}
