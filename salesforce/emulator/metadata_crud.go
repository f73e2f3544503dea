package emulator

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
)

// maxMetadataCRUD is how many components one of the synchronous calls takes.
const maxMetadataCRUD = 10

func tooManyRecords() error {
	return faultOf("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxMetadataCRUD)
}

// saveResult is what became of a component.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_saveresult.htm
type saveResult struct {
	Created  *bool       `xml:"created,omitempty"` // of upsertMetadata
	Errors   []saveError `xml:"errors"`
	FullName string      `xml:"fullName"`
	Success  bool        `xml:"success"`
}

type saveError struct {
	Message    string `xml:"message"`
	StatusCode string `xml:"statusCode"`
}

func refused(fullName, code, message string) saveResult {
	return saveResult{FullName: fullName, Errors: []saveError{{message, code}}}
}

// create, update and upsert answer the calls of these names.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_createMetadata.htm
func (c *metadataCall) create() ([]any, error) { return c.save(true, false) }

func (c *metadataCall) update() ([]any, error) { return c.save(false, true) }

func (c *metadataCall) upsert() ([]any, error) { return c.save(true, true) }

// save makes or changes components, each by itself.
func (c *metadataCall) save(mayCreate, mayUpdate bool) ([]any, error) {
	components := c.args.All("metadata")
	if len(components) > maxMetadataCRUD {
		return nil, tooManyRecords()
	}
	var out []any
	for _, e := range components {
		name := e.Value("fullName")
		exists := c.org.catalog().Has(e.Type, name)
		var r saveResult
		switch p, ok := metadata.PackageOf(e); {
		case name == "":
			r = refused(name, "REQUIRED_FIELD_MISSING", "Required fields are missing: [fullName]")
		case !ok:
			return nil, faultOf("INVALID_TYPE", "Unknown type:%s", e.Type)
		case exists && !mayUpdate:
			r = refused(name, "DUPLICATE_DEVELOPER_NAME", "There is already a component named "+name)
		case !exists && !mayCreate:
			r = refused(name, "INVALID_CROSS_REFERENCE_KEY", "no "+e.Type+" named "+name+" found")
		default:
			r = c.apply(name, p)
		}
		if mayCreate && mayUpdate {
			created := r.Success && !exists
			r.Created = &created
		}
		out = append(out, r)
	}
	return out, nil
}

// apply deploys a package of one component at once.
func (c *metadataCall) apply(fullName string, p *metadata.Package) saveResult {
	o := c.org
	o.customization.shape.Lock()
	defer o.customization.shape.Unlock()
	o.customization.mu.Lock()
	defer o.customization.mu.Unlock()
	catalog, messages := o.customization.catalog.Deploy([]*metadata.Package{p}, metadata.DeployOptions{At: o.Now(), Data: o.Store})
	r := saveResult{FullName: fullName, Success: true}
	for _, m := range messages {
		if m.IsFailure() {
			r.Success = false
			r.Errors = append(r.Errors, saveError{m.Problem, "FIELD_INTEGRITY_EXCEPTION"})
		}
	}
	if r.Success {
		if err := o.apply(catalog, messages); err != nil {
			return refused(fullName, "UNKNOWN_EXCEPTION", err.Error())
		}
	}
	return r
}

// remove answers deleteMetadata().
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deleteMetadata.htm
func (c *metadataCall) remove() ([]any, error) {
	typeName, names := c.args.Value("type"), c.args.All("fullNames")
	if len(names) > maxMetadataCRUD {
		return nil, tooManyRecords()
	}
	var out []any
	for _, name := range names {
		r := c.apply(name.Text, metadata.Removal(typeName, name.Text))
		for i, e := range r.Errors {
			if strings.HasPrefix(e.Message, "No ") {
				r.Errors[i] = saveError{"no " + typeName + " named " + name.Text + " found", "INVALID_CROSS_REFERENCE_KEY"}
			}
		}
		out = append(out, r)
	}
	return out, nil
}
