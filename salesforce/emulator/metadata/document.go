package metadata

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// document is a catalog as it is kept in a file.
type document struct {
	Objects    []keptObject      `json:"objects"`
	Components []keptComponent   `json:"components"`
	Prefixes   map[string]string `json:"prefixes"`
	Counters   map[string]uint64 `json:"counters"`
	Order      int               `json:"order"`
}

type keptObject struct {
	Name  string     `json:"name"`
	Own   string     `json:"own"` // a CustomObject file
	Stamp Stamp      `json:"stamp"`
	Parts []keptPart `json:"parts,omitempty"`
}

type keptPart struct {
	XML   string `json:"xml"`
	Order int    `json:"order"`
	Stamp Stamp  `json:"stamp"`
}

type keptComponent struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Files []File `json:"files"`
	Stamp Stamp  `json:"stamp"`
}

// Document writes what was customized, without what the org has by itself, so that
// ReadDocument can make the catalog again.
func (c *Catalog) Document() ([]byte, error) {
	d := document{Prefixes: c.prefixes, Counters: c.counters, Order: c.order}
	for _, name := range slices.Sorted(maps.Keys(c.objects)) {
		o := c.objects[name]
		if !o.isCustom() && len(o.own) == 0 && len(o.parts) == 0 {
			continue
		}
		k := keptObject{Name: o.name, Own: string(o.root(false).File()), Stamp: o.Stamp}
		for _, parts := range o.parts {
			for _, p := range parts {
				k.Parts = append(k.Parts, keptPart{string(p.element.File()), p.order, p.Stamp})
			}
		}
		slices.SortFunc(k.Parts, func(a, b keptPart) int { return cmp.Compare(a.Order, b.Order) })
		d.Objects = append(d.Objects, k)
	}
	for _, k := range c.kept {
		d.Components = append(d.Components, keptComponent{k.Type, k.FullName, k.Files, k.Stamp})
	}
	slices.SortFunc(d.Components, func(a, b keptComponent) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	return json.Marshal(d)
}

// ReadDocument makes the catalog of a document, on top of what the org has by
// itself.
func ReadDocument(base schema.Declaration, data []byte) (*Catalog, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("read the org's customization: %w", err)
	}
	c := NewCatalog(base)
	maps.Copy(c.prefixes, d.Prefixes)
	maps.Copy(c.counters, d.Counters)
	c.order = d.Order
	for _, k := range d.Objects {
		if err := c.restore(k); err != nil {
			return nil, fmt.Errorf("read the org's customization: %s: %w", k.Name, err)
		}
	}
	for _, k := range d.Components {
		if len(k.Files) > 0 {
			c.kept[key{k.Type, strings.ToLower(k.Name)}] = &kept{Component{k.Type, k.Name, k.Files}, k.Stamp}
		}
	}
	return c, nil
}

func (c *Catalog) restore(k keptObject) error {
	own, err := Parse([]byte(k.Own))
	if err != nil {
		return err
	}
	o := c.object(k.Name)
	if o == nil {
		o = &object{name: k.Name, parts: map[string]map[string]*part{}}
		c.objects[strings.ToLower(k.Name)] = o
	}
	o.own, o.Stamp = own.Children, k.Stamp
	for _, p := range k.Parts {
		e, err := Parse([]byte(p.XML))
		if err != nil {
			return err
		}
		o.setPart(e.Name, e.Value("fullName"), &part{element: e, order: p.Order, Stamp: p.Stamp})
	}
	return nil
}
