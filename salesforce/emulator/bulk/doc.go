// Package bulk is Bulk API 2.0 of an emulated org: query and ingest jobs, and
// the CSV in which they speak.
//
// A job's life, which is the platform's:
//
//	ingest: Open ──▶ UploadComplete ──▶ InProgress ──▶ JobComplete
//	          │            │                 ├───────▶ Failed
//	          └────────────┴─────────────────┴───────▶ Aborted
//	query:  UploadComplete ──▶ InProgress ──▶ JobComplete | Failed | Aborted
//
// A job that is JobComplete may have rows that failed. Failed is a job whose
// data could not be read at all, or that met something unexpected: what was
// written before stays written.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0.htm
package bulk
