package emulator

import "net/http"

// restRoutes is the table of the REST API: one line for each method of each
// path below /services/data/vNN.0/. What it has is what the version's list of
// resources shows. Literal patterns stand before those with names that fit too.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_list.htm
func restRoutes() []route {
	return []route{
		{"GET", "", kindOther, (*Org).resources},
		{"GET", "limits", kindLimits, (*Org).limits},
		{"GET", "limits/recordCount", kindLimits, (*Org).recordCount},

		// Queries.
		{"GET", "query", kindQuery, func(o *Org, c *call) error { return o.firstPage(c, false) }},
		{"GET", "query/{locator}", kindPage, func(o *Org, c *call) error { return o.nextPage(c, c.arg("locator")) }},
		{"GET", "queryAll", kindQuery, func(o *Org, c *call) error { return o.firstPage(c, true) }},
		{"GET", "queryAll/{locator}", kindPage, func(o *Org, c *call) error { return o.nextPage(c, c.arg("locator")) }},

		// Objects.
		{"GET", "sobjects", kindDescribe, (*Org).describeGlobal},
		{"GET", "sobjects/{object}", kindDescribe, (*Org).basicInfo},
		{"POST", "sobjects/{object}", kindRecord, (*Org).createRecord},
		{"GET", "sobjects/{object}/describe", kindDescribe, (*Org).describe},
		{"GET", "sobjects/{object}/updated", kindOther, (*Org).getUpdated},
		{"GET", "sobjects/{object}/deleted", kindOther, (*Org).getDeleted},

		// Records.
		{"GET", "sobjects/{object}/{id}", kindRecord, (*Org).getRecord},
		{"PATCH", "sobjects/{object}/{id}", kindRecord, (*Org).updateRecord},
		{"DELETE", "sobjects/{object}/{id}", kindRecord, (*Org).deleteRecord},
		{"POST", "sobjects/{object}/{id}", kindRecord, (*Org).createByID},
		{"GET", "sobjects/{object}/{field}/{value}", kindRecord, (*Org).byFieldOrRelation},
		{"POST", "sobjects/{object}/{field}/{value}", kindRecord, (*Org).upsertRecord},
		{"PATCH", "sobjects/{object}/{field}/{value}", kindRecord, (*Org).upsertRecord},
		{"DELETE", "sobjects/{object}/{field}/{value}", kindRecord, (*Org).deleteRecord},
		{"GET", "recent", kindOther, (*Org).recentlyViewed},

		// Metadata.
		{"POST", "metadata/deployRequest", kindOther, (*Org).postDeploy},
		{"GET", "metadata/deployRequest/{id}", kindOther, (*Org).getDeploy},
		{"PATCH", "metadata/deployRequest/{id}", kindOther, (*Org).patchDeploy},
		{"GET", "tooling/query", kindQuery, (*Org).toolingQuery},
		{"GET", "tooling/query/{locator}", kindPage, func(o *Org, c *call) error { return o.nextPage(c, c.arg("locator")) }},
		{"GET", "tooling/sobjects", kindDescribe, (*Org).toolingObjects},
		{"GET", "tooling/sobjects/{object}/describe", kindDescribe, (*Org).toolingDescribe},

		// Many at once.
		{"POST", "composite", kindOther, (*Org).composite},
		{"POST", "composite/batch", kindOther, (*Org).batch},
		{"POST", "composite/graph", kindOther, (*Org).graphs},
		{"POST", "composite/tree/{object}", kindUpsert, (*Org).tree},
		{"POST", "composite/sobjects", kindUpsert, (*Org).createCollection},
		{"PATCH", "composite/sobjects", kindUpsert, (*Org).updateCollection},
		{"DELETE", "composite/sobjects", kindUpsert, (*Org).deleteCollection},
		{"GET", "composite/sobjects/{object}", kindRecord, (*Org).retrieveCollection},
		{"POST", "composite/sobjects/{object}", kindRecord, (*Org).retrieveCollection},
		{"PATCH", "composite/sobjects/{object}/{field}", kindUpsert, (*Org).upsertCollection},

		// Bulk jobs.
		{"GET", "jobs/query", kindBulk, (*Org).serveBulk},
		{"POST", "jobs/query", kindBulk, (*Org).serveBulk},
		{"GET", "jobs/query/{job}", kindBulk, (*Org).serveBulk},
		{"PATCH", "jobs/query/{job}", kindBulk, (*Org).serveBulk},
		{"DELETE", "jobs/query/{job}", kindBulk, (*Org).serveBulk},
		{"GET", "jobs/query/{job}/results", kindBulk, (*Org).serveBulk},
		{"GET", "jobs/query/{job}/resultPages", kindBulk, (*Org).serveBulk},
		{"GET", "jobs/ingest", kindBulk, (*Org).serveBulk},
		{"POST", "jobs/ingest", kindBulk, (*Org).serveBulk},
		{"GET", "jobs/ingest/{job}", kindBulk, (*Org).serveBulk},
		{"PATCH", "jobs/ingest/{job}", kindBulk, (*Org).serveBulk},
		{"DELETE", "jobs/ingest/{job}", kindBulk, (*Org).serveBulk},
		{"PUT", "jobs/ingest/{job}/batches", kindBulk, (*Org).serveBulk},
		{"GET", "jobs/ingest/{job}/{results}", kindBulk, (*Org).serveBulk},
	}
}

// doors is the table of what is not below /services/data/vNN.0/.
func doors() []door {
	return []door{
		{"/services/data", kindOther, func(o *Org, w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, o.versions()) }},
		{"/services/oauth2/token", kindLogin, (*Org).token},
		{"/services/oauth2/userinfo", kindOther, (*Org).userinfo},
		{"/services/oauth2/revoke", kindOther, (*Org).revoke},
		{"/services/oauth2/introspect", kindOther, (*Org).introspect},
		{"/id/{org}/{user}", kindOther, (*Org).identity},
		{"/services/Soap/u/{version}", kindOwn, (*Org).soap},
		{"/services/Soap/u/{version}/{org}", kindOwn, (*Org).soap},
		{"/services/Soap/c/{version}", kindOwn, (*Org).soap},
		{"/services/Soap/c/{version}/{org}", kindOwn, (*Org).soap},
		{"/services/Soap/m/{version}", kindOther, (*Org).metadataSOAP},
		{"/services/Soap/m/{version}/{org}", kindOther, (*Org).metadataSOAP},
	}
}
