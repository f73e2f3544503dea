package bulk

import "time"

// retention is how long the platform keeps a job that is over, with its data.
const retention = 7 * 24 * time.Hour

// room is what an emulator has room for in the meantime. Where one is exceeded,
// the oldest jobs that are over go before their time.
type room struct {
	jobs  int
	bytes int // of uploads, in memory
	files int // of results, open
}

var defaultRoom = room{jobs: 20_000, bytes: 1 << 30, files: 128}

// prune forgets the jobs whose time is over. Callers hold the lock.
func (j *Jobs) prune() {
	limit := j.now().Add(-retention)
	if len(j.order) == 0 || !j.order[0].info.Created.Before(limit) {
		return
	}
	kept := j.order[:0]
	for _, jb := range j.order {
		if jb.info.State.IsFinal() && jb.info.Modified.Before(limit) || jb.info.State == Open && jb.info.Created.Before(limit) {
			j.forget(jb)
			continue
		}
		kept = append(kept, jb)
	}
	clear(j.order[len(kept):])
	j.order = kept
}

// makeRoom forgets jobs until one more of so many bytes fits in. Callers hold the
// lock.
func (j *Jobs) makeRoom(bytes int) {
	jobs, files := len(j.order)+1, 0
	for _, jb := range j.order {
		bytes += len(jb.data)
		files += jb.files()
	}
	kept := j.order[:0]
	for _, jb := range j.order {
		if (jobs > j.room.jobs || bytes > j.room.bytes || files > j.room.files && jb.files() > 0) && jb.info.State.IsFinal() && jb.cancel == nil {
			jobs, bytes, files = jobs-1, bytes-len(jb.data), files-jb.files()
			j.forget(jb)
			continue
		}
		kept = append(kept, jb)
	}
	clear(j.order[len(kept):])
	j.order = kept
}

// files is how many files the job's result holds open.
func (jb *job) files() int {
	if jb.cancel == nil && jb.result != nil && jb.result.file != nil {
		return 1
	}
	return 0
}

// forget takes a job out of everything but order. Callers hold the lock.
func (j *Jobs) forget(jb *job) {
	delete(j.jobs, jb.info.ID)
	if jb.cancel == nil && jb.result != nil {
		jb.result.close()
	}
}
