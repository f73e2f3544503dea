// Package deal keeps registrations of opportunities and says which of them is
// whose (rulebook 5): what partners claim, what was decided of it, who is in
// conflict with whom, which opportunity a registration covers, and what evidence
// there is of a partner's part in it. What that pays is worked out in commission.
//
// A registration is Salesforce's or was made here. Its origin owns its content and
// decides on it; the other end only shows it. Its states (R5.2):
//
//	draft ──submit──▶ submitted ─────────▶ approved ──▶ won ──▶ revoked
//	                     │  ╲                 │ ├─────▶ lost
//	                     │   ▶ conflict ──────┘ ├─────▶ expired
//	                     ▼         │            └─────▶ revoked
//	            rejected, withdrawn ◀
//
// What is kept of one is what a person decided: draft, submitted, approved,
// rejected, withdrawn or revoked. Conflict, won, lost and expired follow from
// facts and are worked out whenever somebody asks (R5.3, R5.4), so that facts
// which come late or in another order give the same (R7.7).
//
// Registrations and opportunities are looked at in components: whatever hangs
// together by an Account or its merges, by a registrable domain, by an explicit
// link or by a share group. Reading a component is the only thing that needs the
// database; link.go, share.go, conflict.go and claim.go open nothing.
package deal
