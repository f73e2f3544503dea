package emulator

import (
	"fmt"
	"sync"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

// customization is what admins made of the org, and how it changes while the org
// runs.
type customization struct {
	// shape is held for reading by every request, so that it sees one schema from
	// its beginning to its end, and for writing while the schema changes.
	shape sync.RWMutex
	// mu guards what follows.
	mu      sync.Mutex
	catalog *metadata.Catalog
}

// newCatalog makes the catalog of a new org.
func newCatalog(opt Options) (*metadata.Catalog, error) {
	base, err := schema.Default()
	if err != nil {
		return nil, err
	}
	if opt.Bare {
		return metadata.NewCatalog(base), nil
	}
	catalog, err := metadata.Customize(base, orgpackage.Source, opt.Clock.Now().UTC())
	if err != nil {
		return nil, fmt.Errorf("salesforce/package: %w", err)
	}
	return catalog, nil
}

// buildSchema builds the schema of an org with a catalog.
func (o Options) buildSchema(catalog *metadata.Catalog) (*schema.Schema, error) {
	return schema.Build(catalog.Declaration(), schema.Options{Without: o.Without, MultiCurrency: o.MultiCurrency,
		Currencies: o.Currencies, SandboxField: o.SandboxField})
}

// restoreCatalog takes up the customization that the org's file states.
func (o *Org) restoreCatalog(document []byte) error {
	base, err := schema.Default()
	if err != nil {
		return err
	}
	catalog, err := metadata.ReadDocument(base, document)
	if err != nil {
		return err
	}
	next, err := o.opt.buildSchema(catalog)
	if err != nil {
		return err
	}
	o.customization.catalog = catalog
	o.Evolve(next, document)
	return nil
}
