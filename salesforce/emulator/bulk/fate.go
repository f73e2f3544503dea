package bulk

// Fate is what becomes of a job whatever its data are, if somebody wants it to go
// wrong.
type Fate string

// The fates of jobs; each meets an ingest job when half of its data is written.
const (
	FateNone   Fate = ""
	FateFails  Fate = "fail"
	FateAborts Fate = "abort"
	FateStays  Fate = "stuck" // InProgress until it is aborted, or the org stops
)

// fatedMessage is the errorMessage of a job that fails by fate.
const fatedMessage = "InternalServerError : An internal server error has occurred"
