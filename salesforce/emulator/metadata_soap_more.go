package emulator

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
)

// retrieve answers retrieve().
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_retrieve.htm
func (c *metadataCall) retrieve() ([]any, error) {
	e := c.args.Child("retrieveRequest")
	if e == nil {
		e = c.args.Child("request") // as jsforce writes it
	}
	r := metadata.Retrieval{Version: e.Value("apiVersion"), Single: e.Value("singlePackage") == "true"}
	if len(e.All("packageNames")) > 0 {
		return nil, faultOf("INVALID_CROSS_REFERENCE_KEY", "No package named '%s' found", e.Value("packageNames"))
	}
	unpackaged := e.Child("unpackaged")
	if v := unpackaged.Value("version"); v != "" {
		r.Version = v
	}
	for _, t := range unpackaged.All("types") {
		m := metadata.Members{Type: t.Value("name")}
		for _, name := range t.All("members") {
			m.Names = append(m.Names, name.Text)
		}
		r.Types = append(r.Types, m)
	}
	return c.begin(&metadataJob{userID: c.userID, retrieval: r})
}

// checkRetrieve answers checkRetrieveStatus().
func (c *metadataCall) checkRetrieve() ([]any, error) {
	id := c.args.Value("asyncProcessId")
	j, ok := c.org.look(id, false)
	if !ok {
		return nil, c.noJob(id)
	}
	if c.args.Value("includeZip") == "false" {
		j.zip = nil
	}
	return []any{c.org.retrieved(j)}, nil
}

// describeResult is what describeMetadata answers.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_describeresult.htm
type describeResult struct {
	Objects               []describedType `xml:"metadataObjects"`
	OrganizationNamespace string          `xml:"organizationNamespace"`
	PartialSaveAllowed    bool            `xml:"partialSaveAllowed"`
	TestRequired          bool            `xml:"testRequired"`
}

type describedType struct {
	Children  []string `xml:"childXmlNames"`
	Directory string   `xml:"directoryName"`
	InFolder  bool     `xml:"inFolder"`
	MetaFile  bool     `xml:"metaFile"`
	Suffix    string   `xml:"suffix,omitempty"`
	Name      string   `xml:"xmlName"`
}

// describe answers describeMetadata().
func (c *metadataCall) describe() ([]any, error) {
	r := describeResult{PartialSaveAllowed: true}
	for _, t := range metadata.Types() {
		r.Objects = append(r.Objects, describedType{Children: t.Children, Directory: t.Directory, InFolder: t.InFolder,
			MetaFile: t.MetaFile, Suffix: t.Suffix, Name: t.Name})
	}
	return []any{r}, nil
}

// list answers listMetadata().
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_listmetadata.htm
func (c *metadataCall) list() ([]any, error) {
	queries := c.args.All("queries")
	if len(queries) > 3 {
		return nil, faultOf("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 3 records into this call")
	}
	var out []any
	for _, q := range queries {
		typeName, folder := q.Value("type"), q.Value("folder")
		if strings.HasSuffix(typeName, "Folder") {
			continue // folders are listed with what they hold
		}
		found, err := c.org.catalog().List(typeName)
		if err != nil {
			return nil, faultOf("INVALID_TYPE", "%s", strings.TrimPrefix(err.Error(), "INVALID_TYPE: "))
		}
		for _, p := range c.org.propertiesOf(found) {
			if folder == "" || strings.HasPrefix(p.FullName, folder+"/") {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// catalog gives the org's customization as it is now.
func (o *Org) catalog() *metadata.Catalog {
	o.customization.mu.Lock()
	defer o.customization.mu.Unlock()
	return o.customization.catalog
}

// readResult is what readMetadata answers.
type readResult struct {
	Records []readRecord `xml:"records"`
}

type readRecord struct {
	Type  string `xml:"xsi:type,attr"`
	Inner string `xml:",innerxml"`
}

// read answers readMetadata().
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_readMetadata.htm
func (c *metadataCall) read() ([]any, error) {
	typeName, names := c.args.Value("type"), c.args.All("fullNames")
	if len(names) > maxMetadataCRUD {
		return nil, tooManyRecords()
	}
	var r readResult
	for _, name := range names {
		record := readRecord{Type: typeName}
		if e, ok := c.org.catalog().Read(typeName, name.Text); ok {
			record.Inner = e.XML()
		}
		r.Records = append(r.Records, record) // an empty one stands for what is not there
	}
	return []any{r}, nil
}
