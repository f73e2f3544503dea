package emulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
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
	jobs    metadataJobs
	tooling tooling
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

// apply makes a catalog the org's own. The schema changes only where the messages
// tell of an object or a field. The caller holds mu
// and, for writing, shape.
func (o *Org) apply(catalog *metadata.Catalog, messages []metadata.Message) error {
	document, err := catalog.Document()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(messages, changesSchema) {
		o.Lock()
		o.SetSchema(document)
		o.Unlock()
		o.customization.catalog = catalog
		return nil
	}
	next, err := o.opt.buildSchema(catalog)
	if err != nil {
		return err
	}
	o.Evolve(next, document)
	o.described.Store(o.Now().Unix())
	o.customization.catalog = catalog
	return nil
}

func changesSchema(m metadata.Message) bool {
	return (m.ComponentType == "CustomObject" || m.ComponentType == "CustomField") && (m.Created || m.Changed || m.Deleted)
}

// needsShape says whether requests to a path need the schema to stay as it is. Those
// that deploy can't hold it fast, since they change it; the data and the results of
// bulk jobs have no need of it, and may take a client long to send or to fetch.
func needsShape(path string) bool {
	return !strings.HasPrefix(path, "/services/Soap/m/") && !strings.Contains(path, "/metadata/deployRequest") && !jobFile.MatchString(path)
}

// jobFile is the path of a bulk job's data or results.
var jobFile = regexp.MustCompile(`^/services/data/v\d\d\.0/jobs/(?:ingest|query)/[^/]+/[^/]+$`)

// takeBody reads as much of a request's body as it may have into memory, to be read
// there as if it came now: while a client that is slow to send it held the schema
// fast, a deploy would wait for it, and everybody else for the deploy.
func (o *Org) takeBody(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	var taken bytes.Buffer
	taken.ReadFrom(io.LimitReader(r.Body, o.opt.MaxBody+1)) //nolint:errcheck // what is read behind it fails again
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&taken, r.Body), r.Body}
}
