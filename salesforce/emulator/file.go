package emulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// FileOptions say how an org is kept in a file.
type FileOptions struct {
	// Path is the file's. It is made if it does not exist.
	Path string
	// Failed is called once, when the file cannot be written any more. From then on
	// the org answers every request with 503 and SERVER_UNAVAILABLE.
	Failed func(error)
}

// Opened says what Open found in a file.
type Opened struct {
	// Filled: it holds an org that Generate or LoadDir has filled.
	Filled bool
	// Dropped is the number of bytes of a last write that was cut off by the end of
	// the machine or the process, and so never acknowledged.
	Dropped int64
}

// about is what the file of an org says of it, beside its records.
type about struct {
	MultiCurrency bool     `json:"multi_currency"`
	Currencies    []string `json:"currencies"`
	SandboxField  string   `json:"sandbox_field"`
	Without       []string `json:"without,omitempty"`
	Bare          bool     `json:"bare,omitempty"`
	Generated     bool     `json:"generated"`
	Filled        bool     `json:"filled"`
}

// Open makes an org that survives: what was acknowledged is in the file, and is
// there when the file is opened again, also after a kill -9 (store.OpenFile says
// what is promised when). Records come back with their ids, audit fields, history
// and recycle bin; sessions, open query results and counted requests do not. The
// file knows what objects and currencies its org has: options that say nothing take
// that from it, others are refused with errs.Invalid.
func Open(opt Options, f FileOptions) (*Org, Opened, error) {
	var o *Org
	build := func(document []byte) (*store.Store, []byte, error) {
		a := about{}
		if document != nil {
			if err := json.Unmarshal(document, &a); err != nil {
				return nil, nil, errs.New(errs.Invalid, "what %s says of its org cannot be read: %w", f.Path, err)
			}
			if err := a.into(&opt); err != nil {
				return nil, nil, err
			}
		}
		full := opt.withDefaults()
		var err error
		if o, err = newOrg(full); err != nil {
			return nil, nil, &errs.Error{Kind: errs.Invalid, Op: "make an org", Err: err}
		}
		if document == nil {
			o.Store.Seed(full.Username, full.Currencies[0])
			a = about{MultiCurrency: full.MultiCurrency, Currencies: full.Currencies, SandboxField: full.SandboxField, Without: full.Without, Bare: full.Bare}
		}
		return o.Store, a.document(), nil
	}
	log := opt.withDefaults().Logger
	_, found, err := store.OpenFile(f.Path, store.FileOptions{Build: build, Reshape: func(_ *store.Store, document []byte) error { return o.restoreCatalog(document) }, Failed: f.Failed,
		Warn: func(err error) { log.Warn("the org's file grows: it could not be rewritten", zap.Error(err)) }})
	if err != nil {
		return nil, Opened{}, err
	}
	if err := json.Unmarshal(o.Document(), &o.about); err != nil {
		return nil, Opened{}, errors.Join(errs.New(errs.Invalid, "what %s says of its org cannot be read: %w", f.Path, err), o.CloseFile())
	}
	o.generated.Store(o.about.Generated)
	return o, Opened{Filled: o.about.Filled, Dropped: found.Dropped}, nil
}

func (a about) document() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // bools and texts
	}
	return b
}

// into completes the options of an org from its file, or says in what they differ.
func (a about) into(opt *Options) error {
	differs := ""
	switch {
	case opt.MultiCurrency && !a.MultiCurrency:
		differs = "has one currency only"
	case opt.Currencies != nil && !slices.Equal(opt.Currencies, a.Currencies):
		differs = "has other currencies"
	case opt.SandboxField != "" && opt.SandboxField != a.SandboxField:
		differs = "names the sandbox flag " + a.SandboxField
	case opt.Without != nil && !slices.Equal(opt.Without, a.Without):
		differs = "has other objects and fields"
	case opt.Bare && !a.Bare:
		differs = "was not made bare"
	}
	if differs != "" {
		return errs.New(errs.Invalid, "the org in the file %s", differs).WithHint("Start it as it was made, or name another file.")
	}
	opt.MultiCurrency, opt.Currencies, opt.SandboxField, opt.Without = a.MultiCurrency, a.Currencies, a.SandboxField, a.Without
	opt.Bare = a.Bare
	return nil
}

// LoadDir fills the org from a directory of CSV files, as store.LoadDir describes.
func (o *Org) LoadDir(dir string) error {
	return o.fill(func() error { return o.Store.LoadDir(dir) })
}

// fill runs what fills the org; the file says that it is filled if that is kept.
func (o *Org) fill(how func() error) error {
	filled := o.about
	filled.Filled, filled.Generated = true, o.generated.Load()
	o.SetDocument(filled.document())
	if err := how(); err != nil {
		o.SetDocument(nil)
		return err
	}
	o.about = filled
	return nil
}

// durable refuses to answer when what was written cannot be kept: an answer would
// promise that it is.
func (o *Org) durable(next http.Handler) http.Handler {
	if !o.HasFile() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&durableWriter{ResponseWriter: w, org: o}, r)
	})
}

// durableWriter lets an answer through while the org's file can be written.
type durableWriter struct {
	http.ResponseWriter
	org            *Org
	begun, refused bool
}

// WriteHeader begins the answer, or another one.
func (d *durableWriter) WriteHeader(status int) {
	if d.begun {
		return
	}
	d.begun = true
	if d.org.FileError() == nil {
		d.ResponseWriter.WriteHeader(status)
		return
	}
	d.refused = true
	d.Header().Del("Content-Length")
	d.Header().Del("Content-Encoding")
	writeError(d.ResponseWriter, refuse(http.StatusServiceUnavailable, "SERVER_UNAVAILABLE", "The org's file cannot be written; nothing is kept any more"))
}

// Write passes the body of an answer on, or drops it.
func (d *durableWriter) Write(b []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	if d.refused {
		return len(b), nil
	}
	return d.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (d *durableWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }
