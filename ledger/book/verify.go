package book

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Difference is one thing that does not agree with another that it has to agree with.
type Difference struct {
	Check    string `json:"check"`    // the name of the check that found it: "chains"
	Object   string `json:"object"`   // what the subject is: entry, line, payee, balance, month
	Subject  string `json:"subject"`  // an entry's id, a line's key, a payee's ID, a month
	Field    string `json:"field"`    // what of it differs: "hash", "amount_minor"
	Expected string `json:"expected"` // what it has to be
	Found    string `json:"found"`    // what it is
	Sentence string `json:"sentence"` // what that means and what to do, for a person
}

// Report takes a difference; its error ends the check that found it. It must not use
// the transaction in which the check reads.
type Report func(Difference) error

// Check compares two things that have to agree, and reports where they don't.
type Check struct {
	// Name is short: "chains". Compares says what with what.
	Name, Compares string
	// Unit is what Run counts: "entries".
	Unit string
	// Run looks at everything there is and gives how much that was. What it reports
	// comes in an order that depends on the data alone. Its error is for what kept it
	// from looking, and never for what it found.
	Run func(ctx context.Context, tx *sqlx.Tx, report Report) (looked int64, err error)
}

// Checks compare the book with itself (R8.3). They have to run in one snapshot
// (pg.InSnapshot), and keep in memory no more than one row, however long the book is.
func Checks() []Check {
	return []Check{
		{
			Name: "chains", Unit: "entries", Run: verifyChains,
			Compares: "every entry's hash with what it says, and with the entry before it",
		},
		{
			Name: "entries", Unit: "entries", Run: verifyEntries,
			Compares: "every entry's kind, accounts, line and place with those that are possible",
		},
		{
			Name: "balances", Unit: "balances", Run: verifyBalances,
			Compares: "the balance of every account with its entries, and all of them with zero",
		},
		{
			Name: "lines", Unit: "lines", Run: verifyLines,
			Compares: "every line's key, amount, status and explanation with its entries",
		},
		{
			Name: "closed months", Unit: "heads", Run: verifyClosed,
			Compares: "what was kept when months were closed with the chains as they are",
		},
	}
}

// Verify runs the checks that compare the book with itself, and gives how much each
// looked at, by its name.
func Verify(ctx context.Context, tx *sqlx.Tx, report Report) (looked map[string]int64, err error) {
	looked = map[string]int64{}
	for _, c := range Checks() {
		if looked[c.Name], err = c.Run(ctx, tx, report); err != nil {
			errs.Wrap(&err, "check %s", c.Name)
			return looked, err
		}
	}
	return looked, nil
}

// DifferencesOf reports the rows of a SELECT of text as differences that are like one
// in everything else. It has the columns subject, field, expected and found, and an
// order of its own.
func DifferencesOf(ctx context.Context, tx *sqlx.Tx, report Report, like Difference, query string, args ...any) (err error) {
	rows, err := tx.QueryxContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errorOr(err, rows.Close()) }()
	for rows.Next() {
		d := like
		if err := rows.Scan(&d.Subject, &d.Field, &d.Expected, &d.Found); err != nil {
			return err
		}
		if err := report(d); err != nil {
			return err
		}
	}
	return rows.Err()
}

// errorOr gives the first of two errors.
func errorOr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func countRows(ctx context.Context, tx *sqlx.Tx, query string) (n int64, err error) {
	err = tx.GetContext(ctx, &n, query)
	return n, err
}

// What a person can do about differences. Nothing here rewrites the book, so whatever
// differs was written past it, or before a fault of ours.
const (
	writtenPast = "Nothing in Partnersync changes a posted entry, so it was written to the database directly or the disk has failed. " +
		"Find the same row in a backup, find out who had access, and correct what is owed by a new entry, never by changing this one (R8.1)."
	keptBeside = "The entries are what counts; this was kept beside them. Find out who wrote to the database, and restore it from the entries or a backup."
)
