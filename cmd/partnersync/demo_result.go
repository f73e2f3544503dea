package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/migrations"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/schedule"
)

// demoDatabase is the name of the demo's database, made anew by every demo.
const demoDatabase = "demo"

// openDemoDatabase starts a private server of the demo's own, below the data
// directory, so that a ledger that lives there is never touched.
func (a *app) openDemoDatabase(ctx context.Context, cfg config.Config, log *zap.Logger) (_ *database, err error) {
	d := &database{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close(context.WithoutCancel(ctx)))
		}
	}()
	dir := filepath.Join(cfg.Database.DataDir, demoDatabase)
	if d.server, err = (pg.Embedded{Dir: dir, AllowFallback: true, BinDir: cfg.Database.PostgresBin, Log: log}).Start(ctx); err != nil {
		return nil, explainInUse(err)
	}
	a.tellPlace(d.server, log)
	if err := remake(ctx, d.server.DSN(pg.Database)); err != nil {
		return nil, err
	}
	d.dsn = d.server.DSN(demoDatabase)
	if err := d.connect(ctx, cfg.Database.MaxConns); err != nil {
		return nil, err
	}
	_, err = migrations.Apply(ctx, d.DB)
	return d, err
}

// remake drops the database of an earlier demo and makes a new one.
func remake(ctx context.Context, dsn string) (err error) {
	db, err := pg.Open(ctx, pg.Config{DSN: dsn, MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range []string{"drop database if exists " + demoDatabase, "create database " + demoDatabase} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// demoResult is what came of a demo's run, as --output json gives it.
type demoResult struct {
	Settings      string                    `json:"settings"`
	Salesforce    string                    `json:"salesforce"`
	Runs          []runDocument             `json:"runs"`
	Owed          []owed                    `json:"owed"`
	Written       map[string]int            `json:"written"`
	Discrepancies []ledger.DiscrepancyCount `json:"open_discrepancies"`
	Example       explained                 `json:"example"`
	FourEyes      string                    `json:"four_eyes"`
}

func (d *demonstration) result(ctx context.Context, runs []schedule.Run) (r demoResult, err error) {
	r = demoResult{
		Settings: d.settingsPath(), Salesforce: d.cfg.Salesforce.LoginURL,
		Runs: documentsOf(runs), Written: map[string]int{}, FourEyes: d.cfg.Company.FourEyes,
	}
	if r.Owed, err = owedToAll(ctx, d.db); err != nil {
		return r, err
	}
	for _, t := range mapping.Targets() {
		object := mapping.Default().Target(t).Object
		r.Written[object] = d.org.Count(object)
	}
	if r.Discrepancies, err = ledger.CountDiscrepancies(ctx, d.db); err != nil {
		return r, err
	}
	r.Discrepancies = orEmpty(r.Discrepancies)
	err = r.explainOne(ctx, d.db, d.org, d.cfg.Company.Currency, d.app.clock.Now())
	return r, err
}

// explainOne explains the largest commission in the company's currency that is
// owed and reached Salesforce: what is held or void explains why nobody is paid.
func (r *demoResult) explainOne(ctx context.Context, q sqlx.QueryerContext, org *emulator.Org, currency string, now time.Time) (err error) {
	target := mapping.Default().Target(mapping.CommissionTarget)
	amountField, hasAmount := target.Path("amount")
	currencyField, hasCurrency := target.Path("currency")
	statusField, hasStatus := target.Path("status")
	if !hasAmount || !hasCurrency || !hasStatus {
		return nil
	}
	var key string
	var most decimal.Decimal
	for _, record := range org.Records(target.Object) {
		amount, err := decimal.NewFromString(fmt.Sprint(record[amountField]))
		// The org shows the status as its label, which begins with a capital.
		isOwed := strings.EqualFold(fmt.Sprint(record[statusField]), string(commission.Accrued))
		if err != nil || !isOwed || record[currencyField] != currency {
			continue
		}
		// Of equals the first by key, so that the same demo shows the same.
		this := fmt.Sprint(record[target.Key])
		if c := amount.Cmp(most); key == "" || c > 0 || c == 0 && this < key {
			key, most = this, amount
		}
	}
	if key == "" {
		return nil
	}
	r.Example, err = explanationOf(ctx, q, key, now)
	return err
}

// demoResult writes what came of the run.
func (p *page) demoResult(r demoResult, runs []schedule.Run) {
	p.title("What the stages did")
	p.runs(runs, false)
	p.verdict(sumUp(runs, nil, nil))
	p.owed(r.Owed)
	p.title("Written to Salesforce")
	for _, object := range slices.Sorted(maps.Keys(r.Written)) {
		p.line("  %s %s", thousands(int64(r.Written[object])), object)
	}
	if len(r.Discrepancies) > 0 {
		p.open(r.Discrepancies)
	}
	if r.Example.Key != "" {
		p.title("For example")
		p.explanation(r.Example)
	}
}
