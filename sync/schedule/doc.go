// Package schedule decides when stages run, runs them, and keeps their history.
//
// Every replica has the same cron lines and the same clock, more or less. When
// a line says "now", each of them inserts (name, instant) into job.tick; the one
// that was first inserts a River job in the same transaction, unique by name
// while it lives. So an instant starts one job however many replicas there are,
// a job that still works is not joined by a second, and job.tick is a record to
// catch up from: a line whose last tick is older than the instant at which it
// was last due is ticked once, at the start and every minute.
//
//	cron line ──▶ job.tick ──first──▶ River job ──any replica──▶ Run of each stage ──▶ job.run
//
// A job is a name: a stage, or "all", which is every stage without a line of its
// own, in the order of the data's way. A sequence stops at the first stage that
// fails; one that is "ok with problems" lets it go on.
//
// # The life of a run
//
//	            ┌─▶ ok, ok with problems
//	running ────┼─▶ failed           the pass gave an error or panicked, or was stopped
//	   │        └─▶ ok, deferred     another worker has taken the stage over
//	   └─▶ failed, "interrupted"     nobody has heard of it for three minutes
//
// A pass that runs says so every twenty seconds: in its row (report.seen_at, by
// the database's clock, with how far it came), and, if a job carries it, in
// River's attempted_at. The first is how a reader knows an interrupted run from
// one that works: a process that was killed can't write that it was. The second
// lets River rescue the job of a dead worker after three minutes though a pass
// may take hours: River counts from attempted_at, and offers no other way to say
// "still at it". It is the only column of River's that is written here.
//
// A worker that was frozen and wakes finds its job in other hands, or its
// stage's token raised (stage.Token). Either way it stops, and what it had in
// hand is rolled back; nothing is reported as failed, as the other does the work.
//
// # Sharing a pass
//
// A stage that finds much to do has its parts done by all replicas (stage.Share). Its
// process leads: it keeps the parts in job.part, calls workers by River jobs of a queue of
// their own, and waits until the rows say that all are over. A worker takes whichever part of
// the run waits, and goes on until none does, so a call that is lost leaves none behind.
//
//	           ┌──────────── handed back, tried again, or nothing heard of it for a minute
//	           ▼                                  │
//	leader ─▶ waiting ──any replica's worker──▶ running ──▶ done, with a report
//	           │                                  ├──▶ failed: the pass ends with its error
//	           └──────────▶ dropped ◀─────────────┘    when the pass ends
//
// All of them check the pass's token, and each that its part is still its own, taken for
// the n-th time: in every transaction, under a lock for which whoever takes a part from a
// worker waits. Who dies is found by its silence; who leads and dies has its job rescued, and
// the next pass's token ends the parts of the first. A leader never waits for itself: parts
// have workers of their own, also in its process.
//
// # Trying again
//
// A pass that fails is not repeated by River, as the next tick tries again with
// newer facts. Two exceptions, together at most two repeats: the worker died
// (rescue), or the failure is errs.Transient, which an hourly or nightly line
// should not wait for (after half a minute, then five, and never longer than to
// the line's next instant). Meanwhile the job lives,
// so ticks of the same name start nothing: repeats can't pile up. A job that was
// stopped because its process stops is handed back, and the next replica to look
// takes it up; its run is deferred, which is no failure and raises no alert.
package schedule
