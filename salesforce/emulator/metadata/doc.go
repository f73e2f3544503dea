// Package metadata reads and writes an org's customization: the objects and
// fields that an admin declares, in the source format of the Salesforce CLI
// (one file a field) and in that of the Metadata API (a zip with package.xml and
// one file an object). It opens nothing: what goes in is bytes or a file system,
// what comes out are values.
//
//	sfdx-project.json ─ ReadSource ─┐
//	                                ├─▶ Package ─ Deploy ─▶ Catalog, Messages
//	zip               ─ ReadZip ────┘                │
//	zip               ◀──────────────── Retrieve ────┘
//
// A Package is what somebody wants the org to be, a Catalog is what it is.
// Deploy tries a package on a catalog and gives the catalog that comes of it,
// with a message for each component in the platform's words; the catalog that it
// was given stays as it was, so a failed deploy rolls back by being forgotten.
//
// Custom objects and their fields are understood; of a Catalog's components they
// alone change the org's schema. Components of other types are taken as they are
// if their XML is well formed, and given back by Retrieve: a layout or a
// permission set is kept and has no effect.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_intro.htm
package metadata
