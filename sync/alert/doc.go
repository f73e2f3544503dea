// Package alert tells people what they would otherwise have to find out: that a job
// fails or is late, that rows are quarantined, that something has drifted, that the
// quota puts jobs off; and when each is over.
//
// A condition is of a kind and a subject. While it holds there is one open alert of it,
// however many runs meet it and however many replicas look:
//
//	          holds              says something else, or grew: changed
//	(nothing) ─────▶ open ◀──┐   holds for so many hours more: reminder
//	          opened  │ └────┘
//	                  └─────▶ closed, when it is over: recovered
//
// What has changed in the org is said by one pass and by none after it. Such an alert stays
// open until a person ends it (Watcher.Close), or a pass says that it is as it was.
//
// A Watcher looks every half minute, and takes turns with the other replicas. The change
// of an alert and the messages that tell it are one transaction. Each message is then sent
// by whoever locks its row, and marked in the transaction that holds the lock: of several
// replicas one sends it, and if that one is killed in between, another sends it again.
// So a message may come twice, with the same id, and never not at all. What cannot be
// sent is tried again, with pauses that double, for about a day.
//
// No stage waits for any of this.
package alert
