package main

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/sync/verify"
)

// discrepancyKinds lists the kinds of discrepancy that there are. A test holds it
// against the rooms that open them.
func discrepancyKinds() []string {
	kinds := append(commission.FindingKinds(), commission.ReasonUnreadable, ledger.KindVanished,
		// Of the travel of Partner IDs.
		commission.ReasonUnknownID, "duplicate_profile", "possible_duplicate_profile", "creator_mismatch", "space_without_creator",
		"partner_id_missing_in_salesforce", "partner_id_mismatch", "history_incomplete",
		// Of installs, and of what they say of Spaces and customers.
		"install_without_profile", "install_without_space", "space_without_install", "org_in_several_spaces", "customer_to_confirm")
	kinds = append(kinds, deal.FindingKinds()...)
	kinds = append(kinds, verify.Kinds()...)
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// isKind refuses a kind of discrepancy that does not exist; "" is any.
func isKind(kind string) error {
	if kinds := discrepancyKinds(); kind != "" && !slices.Contains(kinds, kind) {
		return errs.New(errs.Invalid, "--kind %q is no kind of discrepancy", kind).
			WithHint("the kinds are %s", strings.Join(kinds, ", "))
	}
	return nil
}

// atLeastOne refuses a --limit that bounds a list by nothing, or less.
func atLeastOne(n int) error {
	if n < 1 {
		return errs.New(errs.Invalid, "--limit %d is not a number of rows: it is 1 at least", n)
	}
	return nil
}
