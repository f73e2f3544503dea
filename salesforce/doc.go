// Package salesforce talks to one Salesforce org: it logs in, reads by SOQL,
// writes by external id, describes objects and watches the org's quotas. It is
// the only package that knows github.com/simpleforce/simpleforce.
//
// # How simpleforce is used
//
// simpleforce carries session and transport: the SOAP login, and ApexREST for
// every authenticated call. Its SObject type, its error parser and its Query
// lose errors, fields and digits, so nothing here reaches them. Each call gets
// a small simpleforce client of its own (NewClient, SetSidLoc, SetHttpClient),
// because that type keeps unguarded state, and an exchange as its HTTP
// transport. The exchange honours the caller's context, bounds time and body,
// and keeps status, headers and failures for us; what it hands back to the
// library is always a success. So the library never meets an answer that it
// would misread, nor one that it would write to the process's log.
//
// # A session
//
//	        Login, or the first call
//	(none) ─────────────────────────▶ live ──INVALID_SESSION_ID──▶ stale
//	                                   ▲                              │
//	                                   └──── one login for all ◀──────┘
//
// Any number of goroutines may share a Client. When a session turns stale, one
// of them logs in and the others wait for its outcome, good or bad; a call that
// meets a stale session a second time fails.
//
// # Errors
//
// Whatever the org refuses is an *Error with every code, message and field that
// it sent. ClassOf says what to do about it (log in, back off, narrow, defer,
// put the row aside, mend the configuration), and errs.KindOf and errs.HintOf
// work on it as on every error of this program.
package salesforce
