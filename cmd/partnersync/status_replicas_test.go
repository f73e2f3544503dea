package main

import "testing"

// Whether anything runs by schedule, and which process, is not to be guessed.
func TestStatusSaysWhichReplicasThereAre(t *testing.T) {
	c := withDatabase(t, "PARTNERSYNC_SCHEDULES_ALL=*/5 * * * *")
	db := databaseOf(t, c)
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	c.run("status").want(t, exitOK, "!serve")
	exec(`insert into job.tick values ('all', now() - interval '1 hour')`)
	c.run("status").want(t, exitOK, "late:", "no replica of `partnersync serve` is there, so nothing runs by its schedule", "!next by")

	exec(`insert into job.replica values ('vm/1', '1.4.0', now() - interval '1 day', now() - interval '5 seconds')`)
	c.run("status").want(t, exitOK, "served by vm/1 (version 1.4.0) since ", "seconds ago", "next by schedule: all stages at ", "!Replicas", "!no replica")

	exec(`insert into job.replica values ('vm/2', '1.5.0', now() - interval '2 hours', now() - interval '4 seconds'),
		('vm/3', '1.5.0', now() - interval '1 hour', now() - interval '5 minutes')`)
	exec(`insert into job.run (stage, actor, worker, started_at, report) values ('pull', 'schedule', 'vm/2', now(), json_build_object('seen_at', now()))`)
	c.run("status").want(t, exitOK, "\nReplicas\n", "leads pull", "gone?", "5 minutes ago", "it is forgotten after a day", "of different versions", "!served by")
	var d statusDocument
	c.run("status", "--output", "json").document(t, &d)
	if len(d.Replicas) != 3 || d.Replicas[1].Name != "vm/2" || len(d.Replicas[1].Leads) != 1 || !d.Replicas[2].IsGone() {
		t.Errorf("%+v", d.Replicas)
	}

	exec(`delete from job.replica where name <> 'vm/3'`)
	c.run("status").want(t, exitOK, "\nReplicas\n", "gone?", "!of different versions", "!served by")
}
