package bulk

import "slices"

// State is where a job is in its life.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_job_states.htm
type State string

// The states of a job.
const (
	Open           State = "Open"
	UploadComplete State = "UploadComplete"
	InProgress     State = "InProgress"
	JobComplete    State = "JobComplete"
	Failed         State = "Failed"
	Aborted        State = "Aborted"
)

// follows says which states may come after which.
var follows = map[State][]State{
	Open:           {UploadComplete, Aborted},
	UploadComplete: {InProgress, Aborted, Failed},
	InProgress:     {JobComplete, Failed, Aborted},
}

// CanBecome says whether a job may go from one state to another in one step.
func (s State) CanBecome(next State) bool {
	return slices.Contains(follows[s], next)
}

// IsFinal says whether nothing more will happen to a job by itself.
func (s State) IsFinal() bool { return len(follows[s]) == 0 }

// word is how refusals name a state.
func (s State) word() string {
	switch s {
	case JobComplete:
		return "Completed"
	case UploadComplete, InProgress:
		return "Closed"
	}
	return string(s)
}

// request checks a change of state that a client asks for: UploadComplete for
// an open ingest job, Aborted for any job that is not over.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/close_job.htm
func (s State) request(next State) *Error {
	switch next {
	case UploadComplete:
		if s != Open {
			return errJobState("Closing already %s Job not allowed", s.word())
		}
	case Aborted:
		if s.IsFinal() {
			return errJobState("Aborting already %s Job not allowed", s.word())
		}
	default:
		return invalidValue("state", string(next))
	}
	return nil
}

// canDelete says whether a job may be deleted: when it is over, or waits for
// its turn.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/delete_job.htm
func (s State) canDelete() bool { return s.IsFinal() || s == UploadComplete }
