package metadata

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// metaSuffix ends the name of every file of an SFDX project that holds XML.
const metaSuffix = "-meta.xml"

// ReadSource reads an SFDX project: sfdx-project.json, and the package
// directories that it names. The error is that of a project that cannot be read;
// files that are no good XML are among the package's Problems.
// https://developer.salesforce.com/docs/atlas.en-us.sfdx_dev.meta/sfdx_dev/sfdx_dev_source_file_format.htm
func ReadSource(project fs.FS) (*Package, error) {
	data, err := fs.ReadFile(project, "sfdx-project.json")
	if err != nil {
		return nil, fmt.Errorf("read the SFDX project: %w", err)
	}
	var settings struct {
		Directories []struct {
			Path string `json:"path"`
		} `json:"packageDirectories"`
	}
	if err := json.Unmarshal(data, &settings); err != nil {
		return nil, fmt.Errorf("read sfdx-project.json: %w", err)
	}
	if len(settings.Directories) == 0 {
		return nil, errors.New("sfdx-project.json names no packageDirectories")
	}
	p := &Package{}
	for _, d := range settings.Directories {
		if err := p.walkSource(project, path.Clean(d.Path)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Package) walkSource(project fs.FS, dir string) error {
	count := 0
	return fs.WalkDir(project, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if count++; count > maxEntries {
			return fmt.Errorf("%s has more than %d files", dir, maxEntries)
		}
		data, err := fs.ReadFile(project, name)
		if err != nil {
			return err
		}
		p.sourceFile(name, data)
		return nil
	})
}

// sourceFile takes one file of a project in. A file in no directory of a known
// type is none of the org's business, as for the CLI.
func (p *Package) sourceFile(name string, data []byte) {
	words := strings.Split(name, "/")
	for i, word := range words[:len(words)-1] {
		if word == "objects" {
			p.sourceObject(name, words[i+1:], data)
			return
		}
		if _, known := types().byDirectory[word]; known {
			p.addFile(strings.Join(words[i:], "/"), data)
			return
		}
	}
}

// sourceObject takes X/X.object-meta.xml or X/fields/F.field-meta.xml in.
func (p *Package) sourceObject(name string, words []string, data []byte) {
	object := p.object(words[0], "objects/"+words[0]+".object")
	if !strings.HasSuffix(name, metaSuffix) {
		return
	}
	full, typeName, part := object.Name, "CustomObject", ""
	if len(words) == 3 {
		base, _, _ := strings.Cut(words[2], ".")
		part, full = words[1], object.Name+"."+base
		if typeName = objectParts[part]; typeName == "" {
			return
		}
	}
	root, err := parseAs(data, typeName)
	if err != nil {
		p.Problems = append(p.Problems, unreadable(name, full, typeName, err))
		return
	}
	if part == "" {
		object.Root.Children = append(object.Root.Children, root.Children...)
		object.Root.Line, object.Root.Column = root.Line, root.Column
		return
	}
	root.Name = part
	object.Root.Children = append(object.Root.Children, root)
}

// parseAs reads a file whose root has to be of a type.
func parseAs(data []byte, typeName string) (*Element, *ParseError) {
	root, err := Parse(data)
	var perr *ParseError
	switch {
	case errors.As(err, &perr):
		return nil, perr
	case root.Name != typeName:
		return nil, &ParseError{root.Line, root.Column, fmt.Sprintf("Invalid root element %s, expected %s", root.Name, typeName)}
	}
	return root, nil
}

// Customize gives the catalog of an org of which an SFDX project is the only
// customization. The error names what of the project the org refuses.
func Customize(base schema.Declaration, project fs.FS, at time.Time) (*Catalog, error) {
	p, err := ReadSource(project)
	if err != nil {
		return nil, err
	}
	c, messages := NewCatalog(base).Deploy([]*Package{p}, DeployOptions{At: at})
	for _, m := range messages {
		if m.IsFailure() {
			err = errors.Join(err, fmt.Errorf("%s: %s: %s", m.FileName, m.FullName, m.Problem))
		}
	}
	return c, err
}
