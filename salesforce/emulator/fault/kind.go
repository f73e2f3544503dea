package fault

import (
	"net/http"
	"strings"
)

// Kind is what a request is for.
type Kind string

// The kinds of requests, by resource.
const (
	KindLogin       Kind = "login"        // token endpoint and SOAP login
	KindIdentity    Kind = "identity"     // userinfo, id, versions, list of resources
	KindQuery       Kind = "query"        // first pages of query and queryAll
	KindPage        Kind = "page"         // further pages
	KindSearch      Kind = "search"       // search, parameterizedSearch
	KindDescribe    Kind = "describe"     // describe, of the org and of an object
	KindLimits      Kind = "limits"       // limits and recordCount
	KindRecord      Kind = "record"       // one record: read, create, change, delete
	KindUpsert      Kind = "upsert"       // one record by an external id
	KindChanges     Kind = "changes"      // getUpdated and getDeleted
	KindCollection  Kind = "collection"   // sObject Collections
	KindComposite   Kind = "composite"    // composite, batch, tree, graph
	KindBulkIngest  Kind = "bulk-ingest"  // jobs/ingest, but for its results
	KindBulkQuery   Kind = "bulk-query"   // jobs/query, but for its results
	KindBulkResults Kind = "bulk-results" // results of either
	KindMetadata    Kind = "metadata"     // metadata and tooling
	KindSOAP        Kind = "soap"         // other SOAP calls
	// KindDirect is no request but a write behind the API's back: one of the org's
	// own people. A rule is about it only if it names it.
	KindDirect Kind = "direct"
	KindOther  Kind = "other"
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{KindLogin, KindIdentity, KindQuery, KindPage, KindSearch, KindDescribe, KindLimits, KindRecord, KindUpsert, KindChanges,
		KindCollection, KindComposite, KindBulkIngest, KindBulkQuery, KindBulkResults, KindMetadata, KindSOAP, KindDirect, KindOther}
}

// KindOf tells from method and path what a request is for, and the object that
// the path names, if it does.
func KindOf(method, path string) (Kind, string) {
	p := strings.Split(strings.Trim(path, "/"), "/")
	at := func(i int) string {
		if i < len(p) {
			return p[i]
		}
		return ""
	}
	switch {
	case at(0) != "services":
		if at(0) == "id" {
			return KindIdentity, ""
		}
		return KindOther, ""
	case at(1) == "oauth2" && at(2) == "token", at(1) == "Soap" && (at(2) == "u" || at(2) == "c"):
		return KindLogin, ""
	case at(1) == "oauth2":
		return KindIdentity, ""
	case at(1) == "Soap" && at(2) == "m":
		return KindMetadata, ""
	case at(1) == "Soap":
		return KindSOAP, ""
	case at(1) == "data":
		if len(p) <= 3 {
			return KindIdentity, ""
		}
		return restKind(method, p[3:])
	}
	return KindOther, ""
}

// restKind is KindOf for a resource of the REST API.
func restKind(method string, p []string) (Kind, string) {
	switch p[0] {
	case "query", "queryAll":
		if len(p) > 1 {
			return KindPage, ""
		}
		return KindQuery, ""
	case "search", "parameterizedSearch":
		return KindSearch, ""
	case "limits":
		return KindLimits, ""
	case "tooling", "metadata":
		return KindMetadata, ""
	case "sobjects":
		return recordKind(method, p)
	case "composite":
		return compositeKind(p)
	case "jobs":
		return jobKind(p)
	}
	return KindOther, ""
}

func recordKind(method string, p []string) (Kind, string) {
	switch {
	case len(p) == 1:
		return KindDescribe, ""
	case len(p) == 2 && method == http.MethodPost:
		return KindRecord, p[1]
	case len(p) == 2, p[2] == "describe":
		return KindDescribe, p[1]
	case p[2] == "updated", p[2] == "deleted":
		return KindChanges, p[1]
	case len(p) == 4 && (method == http.MethodPatch || method == http.MethodPut || method == http.MethodPost):
		return KindUpsert, p[1]
	}
	return KindRecord, p[1]
}

func compositeKind(p []string) (Kind, string) {
	if len(p) < 2 || p[1] != "sobjects" {
		return KindComposite, ""
	}
	if len(p) > 2 {
		return KindCollection, p[2]
	}
	return KindCollection, ""
}

// jobKind is the kind of a Bulk API 2.0 resource: jobs/ingest/ID/batches and its
// like.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0.htm
func jobKind(p []string) (Kind, string) {
	last := strings.ToLower(p[len(p)-1])
	isResult := len(p) > 3 && (strings.HasSuffix(last, "results") || last == "unprocessedrecords" || last == "resultpages")
	switch {
	case isResult:
		return KindBulkResults, ""
	case len(p) > 1 && p[1] == "ingest":
		return KindBulkIngest, ""
	case len(p) > 1 && p[1] == "query":
		return KindBulkQuery, ""
	}
	return KindOther, ""
}

// ObjectOf gives the object that a query is about: the name after the FROM that is
// in no parentheses and in no text; "" if there is none.
func ObjectOf(soql string) string {
	depth, quoted := 0, false
	for i := 0; i < len(soql); i++ {
		switch c := soql[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '\'' {
				quoted = false
			}
		case c == '\'':
			quoted = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && isWordAt(soql, i, "from"):
			rest := strings.TrimLeft(soql[i+len("from"):], " \t\r\n")
			end := strings.IndexFunc(rest, func(r rune) bool { return !isWordByte(byte(r)) || r > 0x7f })
			if end < 0 {
				end = len(rest)
			}
			return rest[:end]
		}
	}
	return ""
}

func isWordAt(s string, i int, word string) bool {
	end := i + len(word)
	return end < len(s) && strings.EqualFold(s[i:end], word) && !isWordByte(s[end]) && (i == 0 || !isWordByte(s[i-1]))
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
