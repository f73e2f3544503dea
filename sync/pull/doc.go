// Package pull is the first stage: it reads what has changed in Salesforce and
// stages it. For every mapping, in the order of mapping.Kinds, it reads the records
// behind the cursor of their object, deleted ones included, and moves the cursor in
// the transaction that stages what it passes. So it can be stopped at any moment,
// killed even, and goes on from what was committed last.
//
// # Closed windows
//
// A pass asks Salesforce for its clock, and reads each object up to there:
//
//	       cursor − overlap                cursor        began: Salesforce's clock
//	──────────────┼──────────────────────────┼────────────────┤ · · · ▶ stamp
//	 complete     │ read again: what         │ not read yet   │ the next pass's
//	              │ committed late is here   │                │
//	              └──────────── one closed window ────────────┘
//
// The window is closed at a clock that has passed, so what it has can be counted, cut
// up and read by several workers; and it needs no distance from that clock, because
// completeness comes from the overlap: a transaction lasts ten minutes at most, and
// appears with a stamp from its course. Whatever appears after this pass has looked is
// therefore stamped later than began less Overlap, where the next pass begins. Overlap
// has five minutes more than that, for servers whose clocks differ. What is read twice
// is staged once. Should a later answer be dated before began, the server that gave it
// was ahead, and the overlap is counted from the earlier of the two.
//
// Many records share one instant, so a place within a window is a pair (stamp, id).
// It is believed only while records come in that order; where they do not, the cursor
// waits for the window's end.
//
// # REST or Bulk
//
// The first page of an object's query says how many records there are. Up to BulkAbove
// of them, or if they come on a few pages, the pages that follow are read. Where there
// are more the query is left, and the window is cut by time, by counting, into windows of a
// share for each worker, ten to a hundred thousand records, which are read by jobs of Bulk API 2.0:
//
//	since ┌────────┬────────┬────────┬────────┐ began
//	      │  done  │ worker │  done  │ worker │        staging.window has what is
//	      └────────┴────────┴────────┴────────┘        not done
//	       ────────▲
//	            cursor: the end of what is done without a gap
//
// A pass that has several windows shares them with other replicas if it can (part.go): each
// is a part, which ends in the transaction that deletes its window.
//
// A window that is done is deleted in a transaction behind its last records, and the
// cursor moves to the beginning of the first that is left. A pass that finds windows
// goes on with them, and then reads what has happened since they were planned. A
// query or a job that Salesforce finds too large is cut in two.
//
// What came is held against what was counted. A difference that records explain which
// were written meanwhile is none: it lies between the count before and the count after.
// Any other is a problem, and the cursor stays, so that the next pass reads the same
// again; if that differs too, the cursor moves on and the problem is told again.
//
// # What does not move a stamp
//
// Formulas, and fields of a parent, change without their record's stamp. An object of
// which such a field is mapped is read as a whole every RefreshEvery.
//
// # How far back history goes
//
// Salesforce purges its history, and a pull reads only the rows about the Partner
// ID. So the first time that it reads a history object it also asks for the
// instant of the oldest row, whatever that row is about, and keeps the answer with
// the cursor (R2.6). That is asked once, because what is purged later does not
// matter.
//
// # What changes what is read
//
// A mapping's fields are part of its cursor. With another list of fields the
// object is read again from the start, page by page like the first time; versions
// whose payload stays the same stay reconciled. A mapping that the org cannot
// serve is stopped by name (R9.4), and the others go on.
//
// Descriptions are kept, and asked for again after DescribeEvery, or at once when a
// query is refused or a mapping stops. What differs from the last one is told before
// anything is read: a mapped field that is of another type or a formula now is a
// problem, anything else a notice; what is gone stops those who can't do without it.
package pull
