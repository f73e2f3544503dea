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

// ourPackage is the package of this project, which an org has unless it is bare.
var ourPackage = sync.OnceValues(func() (*metadata.Package, error) { return metadata.ReadSource(orgpackage.Source) })

// newCatalog makes the catalog of a new org.
func newCatalog(opt Options) (*metadata.Catalog, error) {
	base, err := schema.Default()
	if err != nil {
		return nil, err
	}
	catalog := metadata.NewCatalog(base)
	if opt.Bare {
		return catalog, nil
	}
	p, err := ourPackage()
	if err != nil {
		return nil, err
	}
	catalog, messages := catalog.Deploy([]*metadata.Package{p}, metadata.DeployOptions{At: opt.Clock.Now().UTC()})
	for _, m := range messages {
		if m.IsFailure() {
			return nil, fmt.Errorf("salesforce/package: %s: %s", m.FileName, m.Problem)
		}
	}
	return catalog, nil
}

// buildSchema builds the schema of an org with a catalog.
func (o Options) buildSchema(catalog *metadata.Catalog) (*schema.Schema, error) {
	return schema.Build(catalog.Declaration(), schema.Options{Without: o.Without, MultiCurrency: o.MultiCurrency,
		Currencies: o.Currencies, SandboxField: o.SandboxField})
}
