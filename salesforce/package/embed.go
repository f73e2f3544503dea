// Package orgpackage is what an admin deploys into a Salesforce org so that it
// has the objects and fields that Partnersync reads and writes: a project in the
// source format of the Salesforce CLI.
//
//	sf project deploy start --source-dir force-app --target-org ORG
//
// The same files are the only declaration of these objects and fields: the
// emulator builds its org from Source, so what the tests and the demo run on is
// what a real org gets.
// https://developer.salesforce.com/docs/atlas.en-us.sfdx_dev.meta/sfdx_dev/sfdx_dev_source_file_format.htm
package orgpackage

import "embed"

// Source is the project: sfdx-project.json and the package directory that it
// names. It is read-only.
//
//go:embed sfdx-project.json force-app
var Source embed.FS
