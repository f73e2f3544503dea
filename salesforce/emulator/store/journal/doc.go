// Package journal keeps what was written in one file that only grows at its end,
// so that it can be read back after a restart, a kill -9 included. It knows
// nothing of orgs and records: an entry is bytes.
//
// The file is a line that names its format and version, and then frames:
//
//	partnersync-org 1\n
//	mark (4 bytes) | length (4) | CRC-32C of length and payload (4) | payload
//	…
//
// What is promised of an entry, and when:
//
//   - Append comes back when the operating system has the whole frame in one
//     write: from then on it survives the end of the process, however it ends.
//   - It is on the disk at most Options.SyncEvery later (one fsync for all that
//     was written in between), and when Close comes back: from then on it
//     survives the end of the machine.
//   - A frame that was cut off by such an end is the last one. It is dropped when
//     the file is opened, and Opened says so. Damage before the last frame is
//     something else, and such a file is refused.
//
// A file would grow without end, so Rewrite makes it anew from a snapshot: beside
// it, with what is appended meanwhile behind the snapshot, and then by one rename
// in its place. A rewrite that does not finish leaves the file as it was.
package journal
