// Package mapping says which Salesforce objects and fields state the facts that
// the ledger works with, and which fields the ledger's results are written to.
// It is the one place, beside push, where the two vocabularies meet: a company
// whose org has other names changes the mapping, not the code.
//
// A mapping is YAML: the default one is embedded (default.yaml) and follows the
// org that the package deploys. It is read strictly; an unknown word is refused
// with its line and what would have been allowed. Resolve holds a mapping
// against what the org describes before any row is pulled (R9.4); Decode turns
// a record, as it was staged, into a Record whose fields are those of the fact.
//
// The fields of the facts:
//
//	customer         name, website, master_account_id
//	install          org_id, status, installed_on, expires_on, is_sandbox, account_id, lead_email
//	connection       space_id, org_id, connected_at, disconnected_at
//	space            space_key, name, account_id, created_via, creator_email, created_at, quickstart_org_id, partner_id
//	profile          email, registered_at, partner_id
//	invitation       space_id, email, invited_at
//	space_history    record_id, field, old_value, new_value, at
//	profile_history  record_id, field, old_value, new_value, at
//	opportunity      name, account_id, space_id, amount, currency, close_date, stage, is_closed, is_won, type,
//	                 created_at, service_start, service_end, net_new_amount, registration_id
//	registration     registration_key, partner_id, customer_name, email_domain, account_id, opportunity_id, space_id,
//	                 involvement, status, submitted_at, decided_at, decision_reason, share, project, key_people,
//	                 use_case, business_outcome, timeframe, priority, is_speculative
//	engagement       registration_id, engaged_on, kind, notes
//
// E-mails, Partner IDs, statuses and involvements are text as received: what they
// mean is the ledger's business (R1.1, R1.2, R5.2). A share is a fraction, whatever
// unit the org has it in; see Unit.
package mapping
