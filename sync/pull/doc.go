// Package pull is the first stage: it reads what has changed in Salesforce and
// stages it. For every mapping, in the order of mapping.Kinds, it reads the
// records behind the cursor of their object, deleted ones included, in the order
// of (stamp, id), and in one transaction for each page stages them and moves the
// cursor. So it can be stopped at any moment, killed even, and goes on from the
// last page that was committed.
//
// # Nothing slips through
//
// Many records share one instant, so the cursor is a pair: after it come records
// of the same stamp with a larger id, or of a later stamp.
//
// Transactions commit late: a record can appear with a stamp that lies behind
// what was already read, by as much as the longest transaction lasts. So each
// cursor keeps Salesforce's clock at the beginning of the pull that wrote it,
// and the next pull begins at the earlier of the cursor and that clock less
// Overlap. What is read twice is staged once. An object in which nothing has
// happened for longer than Overlap is not read twice at all.
//
// The bound that must not be passed, because what lies near Salesforce's clock
// is not complete, is on the cursor and not on the query: a pull stages even what
// was committed a moment ago, but the cursor never stands beyond the clock at
// which the pull began. A record stamped in the future, as imported data can be,
// is therefore not lost; it is read at each pull until its time has come.
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
package pull
