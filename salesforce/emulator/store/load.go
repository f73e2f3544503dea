package store

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// LoadDir fills the org from a directory: Space__c.csv holds the records of
// Space__c, its header the API names of fields, in any case. Values have the
// form that the API prints; an empty cell is null. Id, the audit fields and
// SystemModstamp are kept where they are given; without SystemModstamp it is
// LastModifiedDate, else the instant of the load. A lookup is a column of its
// own name with ids, or Rel__r.External__c with external ids (AccountId or
// Owner.Username, Space__r.Space_Key__c), to records of the same files in any
// order and in circles, or to records already there. IsWon and IsClosed follow
// StageName. With a history file (Space__History.csv: ParentId, Field, OldValue,
// NewValue, CreatedDate) that object's history is what the file says; without
// one, every record gets the row that its creation writes. Other files are not
// looked at.
//
// It is all or nothing: if anything cannot be read, nothing is kept and the
// error is an errs.Invalid around a *LoadError with every place.
func (s *Store) LoadDir(dir string) error {
	names, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.[cC][sS][vV]"))
	if err != nil {
		return fmt.Errorf("load %s: %w", dir, err)
	}
	if _, err := os.Stat(dir); err != nil {
		return errs.New(errs.NotFound, "load an org's data: %w", err)
	}
	s.Lock()
	defer s.Unlock()
	l := &load{store: s, problems: &LoadError{}, withHistory: map[string]bool{}, autos: s.autos()}
	l.w = Writer{UserID: s.UserID, At: s.Now(), Admin: true, TrustLookups: true}
	for _, name := range names {
		l.open(name)
	}
	for _, f := range l.files {
		if err := l.read(f); err != nil {
			l.undo()
			return fmt.Errorf("load %s: %w", f.path, err)
		}
	}
	l.resolve()
	if l.problems.Total > 0 {
		l.undo()
		return &errs.Error{Kind: errs.Invalid, Op: "load " + dir, Err: l.problems, Hint: "Correct the cells that are named and load again; nothing was kept."}
	}
	l.numberAutos()
	l.history()
	l.binHistory()
	return nil
}

// escapeGlob keeps a directory's name from being read as a pattern.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// load is one LoadDir at work.
type load struct {
	store       *Store
	w           Writer
	problems    *LoadError
	files       []*loadFile
	withHistory map[string]bool // objects whose history comes from a file
	autos       map[*Table]map[int]int
}

// loadFile is a file of the records of one object.
type loadFile struct {
	path    string
	name    string // without the directory
	t       *Table
	columns []loadColumn
	autos   []loadAuto
	loaded  []loadedRecord
	links   []link
}

// loadColumn is a field, or a lookup by an external id of its object.
type loadColumn struct {
	header string
	f      *schema.Field
	by     *schema.Field // of the lookup's object; nil for a plain column
	parent *Table
}

type loadedRecord struct {
	r    *Record
	line int
}

// link is a lookup by external id that is still to be resolved.
type link struct {
	row, column int
	value       string
}

// open finds out which object a file is of.
func (l *load) open(path string) {
	base := filepath.Base(path)
	name := base[:len(base)-len(".csv")]
	obj, ok := l.store.Schema.Object(name)
	if !ok {
		l.problems.add(base, 0, "", fmt.Sprintf("the org has no object %s", name))
		return
	}
	l.files = append(l.files, &loadFile{path: path, name: base, t: l.store.Tables[obj.Name]})
	if obj.HistoryOf != "" {
		l.withHistory[obj.HistoryOf] = true
	}
}

// read takes in the records of a file. The error is for a file that cannot be
// read at all; what is wrong inside it is a problem.
func (l *load) read(f *loadFile) error {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<16)
	if bom, err := in.Peek(3); err == nil && string(bom) == "\uFEFF" {
		if _, err := in.Discard(3); err != nil {
			return err
		}
	}
	r := csv.NewReader(in)
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		l.problems.add(f.name, 1, "", "the file has no header")
		return nil
	}
	if err != nil {
		l.problems.addCSV(f.name, err)
		return nil
	}
	if !l.readHeader(f, header) {
		return nil
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			l.problems.addCSV(f.name, err)
			var syntax *csv.ParseError
			if errors.As(err, &syntax) && errors.Is(err, csv.ErrFieldCount) {
				continue // the next row can be read
			}
			return nil
		}
		line, _ := r.FieldPos(0)
		l.readRow(f, row, line)
	}
}

// readHeader resolves the columns; false means that a column is unknown.
func (l *load) readHeader(f *loadFile, header []string) bool {
	ok := true
	seen := map[*schema.Field]bool{}
	for _, h := range header {
		c, reason := l.column(f.t, strings.TrimSpace(h))
		if reason == "" && seen[c.f] {
			reason = "the column is there twice"
		}
		if reason != "" {
			l.problems.add(f.name, 1, h, reason)
			ok = false
			continue
		}
		seen[c.f] = true
		f.columns = append(f.columns, c)
	}
	f.findAutos()
	return ok
}

func (l *load) column(t *Table, header string) (loadColumn, string) {
	rel, ext, isPath := strings.Cut(header, ".")
	if !isPath {
		f, ok := t.Object.Field(header)
		if !ok {
			return loadColumn{}, fmt.Sprintf("%s has no field %s", t.Object.Name, header)
		}
		return loadColumn{header: header, f: f}, ""
	}
	f, ok := t.Object.Lookup(rel)
	if !ok {
		return loadColumn{}, fmt.Sprintf("%s has no relationship %s", t.Object.Name, rel)
	}
	parent := l.store.Tables[f.Targets()[0]]
	by, ok := parent.Object.Field(ext)
	if !ok || !by.IDLookup {
		return loadColumn{}, fmt.Sprintf("%s has no external id %s", parent.Object.Name, ext)
	}
	return loadColumn{header: header, f: f, by: by, parent: parent}, ""
}

// readRow makes the record of a row and takes it in, its lookups unchecked.
func (l *load) readRow(f *loadFile, row []string, line int) {
	changes := make([]Change, 0, len(row))
	bad := false
	report := func(column, reason string) {
		l.problems.add(f.name, line, column, reason)
		bad = true
	}
	var links []link
	w := l.w
	w.later = nil
	for i, cell := range row {
		c := f.columns[i]
		if !utf8.ValidString(cell) {
			report(c.header, "the text is not UTF-8")
			continue
		}
		if c.by != nil {
			if cell = strings.TrimSpace(cell); cell != "" {
				links = append(links, link{row: len(f.loaded), column: i, value: cell})
				w.later = append(w.later, c.f)
			}
			continue
		}
		text, err := c.f.CanonText(cell)
		if err != nil {
			report(c.header, cellReason(c.f, cell, err))
			continue
		}
		if text != "" {
			changes = append(changes, Change{c.f, text})
		}
	}
	if bad {
		return
	}
	if f.t.Object.HistoryOf != "" {
		changes = withDataType(f.t.Object, changes)
	}
	r, err := l.store.Prepare(f.t, nil, changes, w)
	if err != nil {
		report(strings.Join(err.Fields, ", "), err.Message)
		return
	}
	keepInstants(r, changes)
	f.countAutos(r, changes)
	f.t.Add(r)
	f.loaded = append(f.loaded, loadedRecord{r, line})
	f.links = append(f.links, links...)
}

// cellReason says what is wrong with a cell in words for the author of the file.
func cellReason(f *schema.Field, cell string, err *schema.RowError) string {
	if !err.OfRequest {
		return err.Message
	}
	form := map[schema.Type]string{schema.TypeDate: "a date like 2026-10-31", schema.TypeBoolean: "true or false",
		schema.TypeDateTime: "an instant like 2026-10-31T12:00:00.000Z"}[f.Type]
	if form == "" {
		form = "a number like 1200.50"
	}
	return fmt.Sprintf("%q is not %s", schema.Shorten(cell), form)
}

// resolve looks up what the files' lookups name, now that all records are there.
func (l *load) resolve() {
	for _, f := range l.files {
		for _, k := range f.links {
			c, row := f.columns[k.column], f.loaded[k.row]
			value, rerr := c.by.CanonText(k.value)
			var found []*Record
			if rerr == nil {
				found = c.parent.Find(c.by, value)
			}
			switch len(found) {
			case 1:
				l.link(f.t, row.r, c.f, found[0].ID)
			case 0:
				l.problems.add(f.name, row.line, c.header, fmt.Sprintf("no %s has %s %q", c.parent.Object.Name, c.by.Name, k.value))
			default:
				l.problems.add(f.name, row.line, c.header, fmt.Sprintf("%d records of %s have %s %q", len(found), c.parent.Object.Name, c.by.Name, k.value))
			}
		}
		for _, row := range f.loaded {
			l.checkLookups(f, row)
		}
	}
}

func (l *load) checkLookups(f *loadFile, row loadedRecord) {
	for _, fd := range f.t.Object.Fields {
		if fd.RefTo == "" || fd.IsAudit { // who changed a record may be long gone
			continue
		}
		id := row.r.Get(fd)
		if id == "" {
			if f.t.Object.HistoryOf != "" && fd.Name == f.t.Object.HistoryParent() {
				l.problems.add(f.name, row.line, fd.Name, "a history row needs its record")
			}
			continue
		}
		if !l.isThere(fd, id) {
			l.problems.add(f.name, row.line, fd.Name, fmt.Sprintf("there is no %s with the id %s", fd.RefTo, id))
		}
	}
}

// isThere says whether a lookup names a record that there is, or one of an object
// that the org does not have.
func (l *load) isThere(f *schema.Field, id string) bool {
	for _, name := range f.Targets() {
		if t := l.store.Tables[name]; t == nil || t.ByID[id] != nil {
			return true
		}
	}
	return false
}

// history writes the rows that creations leave, where no file states them.
func (l *load) history() {
	for _, f := range l.files {
		if f.t.Object.History == "" || l.withHistory[f.t.Object.Name] {
			continue
		}
		for _, row := range f.loaded {
			l.store.WriteCreated(f.t, row.r)
		}
	}
}

// undo takes everything out again.
func (l *load) undo() {
	for _, f := range l.files {
		for _, row := range f.loaded {
			f.t.remove(row.r)
		}
	}
	for t, was := range l.autos {
		t.auto = was
	}
	l.store.Discard()
}
