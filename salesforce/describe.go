package salesforce

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/goccy/go-json"

	"github.com/partnersync/partnersync/internal/errs"
)

// Object is what the org says about an object, as far as the integration user
// may see it: a field hidden from that user is not in Fields.
type Object struct {
	Name       string  `json:"name"`
	Label      string  `json:"label"`
	Custom     bool    `json:"custom"`
	Queryable  bool    `json:"queryable"`
	Createable bool    `json:"createable"`
	Updateable bool    `json:"updateable"`
	Fields     []Field `json:"fields"`
}

// Field is what the org says about a field.
type Field struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	// Type is the platform's: string, picklist, reference, currency, datetime, …
	Type string `json:"type"`
	// Length is in characters, for texts; Precision and Scale in digits, for
	// numbers.
	Length    int `json:"length"`
	Precision int `json:"precision"`
	Scale     int `json:"scale"`

	ExternalID    bool `json:"externalId"`
	Unique        bool `json:"unique"`
	CaseSensitive bool `json:"caseSensitive"`
	Filterable    bool `json:"filterable"`
	Sortable      bool `json:"sortable"`
	Createable    bool `json:"createable"`
	Updateable    bool `json:"updateable"`
	Nillable      bool `json:"nillable"`
	Calculated    bool `json:"calculated"`
	// RelationshipName is how a query goes through a lookup (Space__r), and
	// ReferenceTo are the objects it can point to.
	RelationshipName string   `json:"relationshipName"`
	ReferenceTo      []string `json:"referenceTo"`
}

// Field finds a field by its API name, in any case, as the platform does.
func (o *Object) Field(name string) (Field, bool) {
	for _, f := range o.Fields {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Field{}, false
}

// Describe asks for an object's fields. An object that the org lacks, or hides
// from the integration user, is errs.NotFound. Nothing is cached.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
func (c *Client) Describe(ctx context.Context, object string) (*Object, error) {
	d, err := c.DescribeSince(ctx, object, "")
	return d.Object, err
}

// Described is an answer of DescribeSince.
type Described struct {
	// Object is nil if the object has not changed.
	Object *Object
	// Modified is when the org says that the object last changed, in its own form and to
	// be handed back as it is; "" if it did not say.
	Modified string
}

// DescribeSince asks for an object's fields, unless they have not changed since an
// answer that had this Modified; "" asks in any case. Permissions may hide a field
// without a change.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_conditional_requests.htm
func (c *Client) DescribeSince(ctx context.Context, object, modified string) (Described, error) {
	if err := checkName("an object", object); err != nil {
		return Described{}, err
	}
	r := request{method: http.MethodGet, path: c.data("sobjects/" + object + "/describe"), header: http.Header{}}
	if modified != "" {
		r.header.Set("If-Modified-Since", modified)
	}
	o := new(Object)
	r.decode = func(b []byte) error { *o = Object{}; return json.Unmarshal(b, o) }
	a, err := c.do(ctx, r)
	var e *Error
	switch {
	case modified != "" && errors.As(err, &e) && e.Status == http.StatusNotModified:
		return Described{Modified: modified}, nil
	case errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Has("INVALID_TYPE")):
		return Described{}, &errs.Error{Kind: errs.NotFound, Op: "describe " + object, Err: err,
			Hint: "Check the mapping against the org: the object is missing, or the integration user may not read it."}
	case err != nil:
		return Described{}, err
	case o.Name == "":
		return Described{}, errs.New(errs.Transient, "describe %s: the answer describes no object", object)
	}
	return Described{Object: o, Modified: a.modified}, nil
}
