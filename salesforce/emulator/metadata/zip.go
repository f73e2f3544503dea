package metadata

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// The platform's limits on what is deployed.
// https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_metadata.htm
const (
	MaxZip     = 39 << 20
	maxEntries = 10_000
	// maxUnpacked is less than the platform's 400 MB: an org on a desk shares its
	// memory with others.
	maxUnpacked = 100 << 20
	maxFile     = 16 << 20
)

// ReadZip reads what is deployed. With single the zip is one package; without, each
// of its directories is one. The error is that of a zip that cannot be read as a
// whole; what is wrong with a file is among its package's Problems.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deploy.htm
func ReadZip(data []byte, single bool) ([]*Package, error) {
	files, err := unzip(data)
	if err != nil {
		return nil, err
	}
	if single {
		return []*Package{readPackage("", files)}, nil
	}
	var out []*Package
	byPrefix := map[string][]File{}
	var order []string
	for _, f := range files {
		prefix, rest, _ := strings.Cut(f.Path, "/")
		if rest == "" {
			continue // files beside the packages are of none
		}
		if _, seen := byPrefix[prefix]; !seen {
			order = append(order, prefix)
		}
		byPrefix[prefix] = append(byPrefix[prefix], File{rest, f.Data})
	}
	for _, prefix := range order {
		out = append(out, readPackage(prefix+"/", byPrefix[prefix]))
	}
	if len(out) == 0 {
		out = []*Package{readPackage("", nil)}
	}
	return out, nil
}

// unzip reads the files of a zip within the limits.
func unzip(data []byte) ([]File, error) {
	if len(data) > MaxZip {
		return nil, fmt.Errorf("Maximum size of request reached. Maximum size of request is %d bytes.", MaxZip) //nolint:staticcheck // the platform's words
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("the zip file cannot be read: %w", err)
	}
	if len(r.File) > maxEntries {
		return nil, fmt.Errorf("Too many files in zip, the maximum allowed is %d", maxEntries) //nolint:staticcheck // the platform's words
	}
	var out []File
	seen := map[string]bool{}
	total := 0
	for _, entry := range r.File {
		if strings.HasSuffix(entry.Name, "/") {
			continue
		}
		name := path.Clean(entry.Name)
		if name != entry.Name || path.IsAbs(name) || strings.HasPrefix(name, "..") || strings.ContainsAny(name, "\\:\x00") {
			return nil, fmt.Errorf("the zip file has an entry whose path is not allowed: %q", entry.Name)
		}
		if seen[name] {
			return nil, fmt.Errorf("the zip file has two entries named %s", name)
		}
		seen[name] = true
		content, err := unpack(entry)
		if err != nil {
			return nil, fmt.Errorf("the zip file cannot be read: %s: %w", name, err)
		}
		if total += len(content); total > maxUnpacked {
			return nil, fmt.Errorf("the zip file has more than %d bytes of content", maxUnpacked)
		}
		out = append(out, File{name, content})
	}
	return out, nil
}

func unpack(entry *zip.File) (content []byte, err error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if content, err = io.ReadAll(io.LimitReader(r, maxFile+1)); err == nil && len(content) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	return content, err
}

// readPackage reads the files of one package.
func readPackage(prefix string, files []File) *Package {
	p := &Package{Prefix: prefix}
	for _, f := range files {
		switch f.Path {
		case "package.xml":
			p.Manifest = p.manifest(f)
		case "destructiveChangesPre.xml":
			p.Before = p.manifest(f)
		case "destructiveChanges.xml":
			p.Main = p.manifest(f)
		case "destructiveChangesPost.xml":
			p.After = p.manifest(f)
		default:
			p.addFile(f.Path, f.Data)
		}
	}
	if p.Manifest == nil && len(p.Problems) == 0 {
		p.Problems = append(p.Problems, failure(prefix+"package.xml", "package.xml", "", "No package.xml found"))
	}
	return p
}

func (p *Package) manifest(f File) *Manifest {
	root, err := Parse(f.Data)
	var perr *ParseError
	var m *Manifest
	if !errors.As(err, &perr) {
		m, perr = readManifest(p.Prefix+f.Path, root)
	}
	if perr != nil {
		p.Problems = append(p.Problems, unreadable(p.Prefix+f.Path, f.Path, "", perr))
	}
	return m
}

// addFile takes a file in Metadata API layout in: DIRECTORY/NAME.SUFFIX. In an SFDX
// project every XML file ends in -meta.xml, so that end is taken off here.
func (p *Package) addFile(name string, data []byte) {
	directory, rest, _ := strings.Cut(name, "/")
	if directory == "objects" && strings.HasSuffix(rest, ".object") && !strings.Contains(rest, "/") {
		p.objectFile(name, strings.TrimSuffix(rest, ".object"), data)
		return
	}
	typ, full, ok := memberOf(directory, rest)
	if !ok {
		p.Problems = append(p.Problems, failure(p.Prefix+name, path.Base(name), "", "Not in package.xml"))
		return
	}
	if isXML(typ, name) {
		if _, err := Parse(data); err != nil {
			var perr *ParseError
			errors.As(err, &perr)
			p.Problems = append(p.Problems, unreadable(p.Prefix+name, full, typ.Name, perr))
		}
	}
	c := p.component(typ.Name, full)
	if !typ.MetaFile && !typ.Bundle {
		name = strings.TrimSuffix(name, metaSuffix)
	}
	c.Files = append(c.Files, File{name, data})
	slices.SortFunc(c.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}

func (p *Package) objectFile(name, object string, data []byte) {
	root, err := parseAs(data, "CustomObject")
	if err != nil {
		p.Problems = append(p.Problems, unreadable(p.Prefix+name, object, "CustomObject", err))
		return
	}
	f := p.object(object, p.Prefix+name)
	f.Root = root
}

// memberOf says which component a file is of.
func memberOf(directory, rest string) (*Type, string, bool) {
	var fallback *Type
	bare := strings.TrimSuffix(rest, metaSuffix)
	for _, typ := range types().byDirectory[directory] {
		switch {
		case typ.Bundle:
			if bundle, file, inside := strings.Cut(rest, "/"); inside && file != "" {
				return typ, bundle, true
			}
		case typ.Suffix != "" && strings.HasSuffix(bare, "."+typ.Suffix):
			return typ, strings.TrimSuffix(bare, "."+typ.Suffix), true
		case typ.InFolder && !strings.Contains(path.Base(bare), ".") && bare != rest:
			return typ, bare, true // the folder's own file
		case typ.Name == "Document" && strings.Contains(rest, "/"), typ.Name == "StaticResource":
			fallback = typ
		}
	}
	if fallback == nil || rest == "" {
		return nil, "", false
	}
	if fallback.Name == "Document" {
		return fallback, bare, true
	}
	// What an SFDX project keeps of a static resource: NAME.js, or a directory NAME.
	first, _, _ := strings.Cut(bare, "/")
	return fallback, strings.TrimSuffix(first, path.Ext(first)), true
}

// isXML says whether a file of a component has to be XML: all but the content
// beside a -meta.xml file, and what lies in a bundle.
func isXML(typ *Type, name string) bool {
	return strings.HasSuffix(name, metaSuffix) || !typ.MetaFile && !typ.Bundle
}
