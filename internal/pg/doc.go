// Package pg is how everything here meets Postgres: a pool whose connections
// cannot hang for ever (Open), the one helper that opens transactions (InTx),
// bulk loads (CopyIn), the kind of a database error (KindOf), and a private
// server made of the machine's own binaries (Embedded) for the demonstration,
// for tests and for people who have no Postgres yet.
//
// A private server has these states; the arrow to the right is Start, and every
// way to the left leaves no process behind:
//
//	absent ── initdb ──▶ stopped ── postgres ──▶ running
//	                        ▲                       │
//	                        ├── Stop (SIGINT, then SIGQUIT, then SIGKILL)
//	                        ├── this process dies, even by kill -9
//	                        └── the server dies by itself: Done is closed
package pg
