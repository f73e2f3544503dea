package migrations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// migrateHint is what to do about a schema that is missing or behind.
const migrateHint = "Bring the database to this version with: partnersync migrate"

// utf8 is what Postgres calls the one encoding that holds every character.
const utf8 = "UTF8"

// notOurs are the SQLSTATEs of a question to a table that has the name of ours
// and is another: undefined column, no such operator, types that don't match.
var notOurs = []pqerror.Code{"42703", "42883", "42804"}

// Check says, by nil, that the database has exactly the schema of this program.
// Otherwise the error's kind is Conflict, and its text and hint tell apart a
// database without the schema, one behind, one ahead (of a newer program), one in
// which somebody else's schemas have our names, and one that can't hold every
// character.
func Check(ctx context.Context, db *sqlx.DB) (err error) {
	defer errs.Wrap(&err, "check the database's schema")
	state, err := look(ctx, db)
	if err != nil {
		return err
	}
	if err := state.refusal(); err != nil {
		return err
	}
	switch {
	case !state.ours:
		return errs.New(errs.Conflict, "the database has no Partnersync schema").WithHint(migrateHint)
	case len(state.missing) > 0:
		return errs.New(errs.Conflict, "the database is behind this program: it lacks %s", strings.Join(state.missing, ", ")).
			WithHint(migrateHint)
	}
	return nil
}

// state is what a database has of the schema.
type state struct {
	// encoding is the database's, such as UTF8.
	encoding string
	ours     bool     // we have been here: migration.applied exists
	foreign  []string // schemas with our names that we did not make
	missing  []string // migrations of ours, or River's, that are not applied
	unknown  []string // applied migrations that this program does not know
}

// refusal is why the database must not be touched; nil if it may.
func (s state) refusal() error {
	switch {
	case s.encoding != utf8:
		// What Salesforce holds is Unicode. Another encoding refuses some names in
		// the middle of a pull, and SQL_ASCII takes bytes for characters.
		return errs.New(errs.Conflict, "the database's encoding is %s, and must be %s", s.encoding, utf8).
			WithHint("An encoding can't be changed; make another database: createdb --encoding=UTF8 --template=template0 partnersync")
	case len(s.foreign) > 0:
		return errs.New(errs.Conflict, "the database already has schemas named %s, which Partnersync did not make",
			strings.Join(s.foreign, ", ")).
			WithHint("Give Partnersync a database of its own.")
	case len(s.unknown) > 0:
		return errs.New(errs.Conflict, "the database is ahead of this program: it has %s", strings.Join(s.unknown, ", ")).
			WithHint("Run the version of Partnersync that migrated it, or a newer one.")
	}
	return nil
}

func look(ctx context.Context, db *sqlx.DB) (state, error) {
	var s state
	if err := db.GetContext(ctx, &s.encoding, `select current_setting('server_encoding')`); err != nil {
		return state{}, pg.Classify(err)
	}
	if err := db.GetContext(ctx, &s.ours, `select to_regclass($1) is not null`, table); err != nil {
		return state{}, pg.Classify(err)
	}
	if !s.ours {
		names, err := schemas()
		if err != nil {
			return state{}, err
		}
		s.foreign, err = existing(ctx, db, names)
		return s, err
	}
	if err := s.lookAtOurs(ctx, db); err != nil || len(s.foreign) > 0 {
		return s, err
	}
	return s, s.lookAtRivers(ctx, db)
}

func (s *state) lookAtOurs(ctx context.Context, db *sqlx.DB) error {
	known, err := versions()
	if err != nil {
		return err
	}
	var applied []int64
	// Goose's own version 0 says only that its table was made.
	err = db.SelectContext(ctx, &applied,
		`select distinct version_id from `+table+` where is_applied and version_id > 0 order by version_id`)
	switch {
	case err == nil:
		s.compare(known, applied, "%05d")
	case pq.As(err, notOurs...) != nil:
		s.ours, s.foreign, err = false, []string{ownSchema}, nil
	}
	return pg.Classify(err)
}

func (s *state) lookAtRivers(ctx context.Context, db *sqlx.DB) error {
	m, err := riverMigrator(db.DB)
	if err != nil {
		return err
	}
	var known, applied []int64
	for _, v := range m.AllVersions() {
		known = append(known, int64(v.Version))
	}
	// Asked here and not of River's migrator, which takes a version that it
	// does not know for a failure.
	var exists bool
	if err := db.GetContext(ctx, &exists, `select to_regclass($1) is not null`, RiverSchema+".river_migration"); err != nil {
		return pg.Classify(err)
	}
	if exists {
		if err := db.SelectContext(ctx, &applied,
			`select version from `+RiverSchema+`.river_migration where line = 'main' order by version`); err != nil {
			return pg.Classify(err)
		}
	}
	s.compare(known, applied, "river %d")
	return nil
}

// compare notes which known versions are not applied, and the other way round.
func (s *state) compare(known, applied []int64, format string) {
	for _, v := range known {
		if !slices.Contains(applied, v) {
			s.missing = append(s.missing, fmt.Sprintf(format, v))
		}
	}
	for _, v := range applied {
		if !slices.Contains(known, v) {
			s.unknown = append(s.unknown, fmt.Sprintf(format, v))
		}
	}
}
