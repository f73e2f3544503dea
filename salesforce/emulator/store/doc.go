// Package store holds an org's records, with the platform's rules for writing
// them: required, unique and typed fields, lookups, audit fields, field history,
// the recycle bin and merges.
//
// A record's life:
//
//	            Insert                 Delete                    Purge
//	(nothing) ─────────▶ in the org ─────────▶ recycle bin ─────────▶ gone
//	                      ▲     │ Update          │
//	                      │     ▼                 │ Undelete
//	                      └─────┴─────────────────┘
//
// The recycle bin is seen by queryAll only; what is gone, by nobody. Instants
// are kept in whole seconds, as the platform keeps them, so that what a query
// compares is what it prints: many records share one instant.
package store
