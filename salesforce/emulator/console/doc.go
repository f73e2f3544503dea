// Package console shows an emulated org in a browser: its objects and records,
// a box for queries, and the log of its requests. It is where somebody who has
// no Salesforce at hand sees what a sync wrote "inside Salesforce".
//
// The page only reads. It asks nobody to log in, since the org is made up and
// lives on its developer's machine, so it answers only under names that a page
// of somebody else's cannot have (see named). It is made on the server, works
// without script, and loads nothing from elsewhere.
//
// What is a list or a record is read from the store; what is a query goes through
// the org's REST API, so that the box shows what a client would get.
package console
