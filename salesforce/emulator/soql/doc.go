// Package soql reads the Salesforce Object Query Language: text in, a syntax
// tree or an error with the platform's code, wording and position out. It knows
// no objects and no fields; whether a name exists is its caller's business.
//
// It reads the whole language as the REST and Bulk APIs take it: paths up
// through lookups and queries down to children, aggregates with GROUP BY, ROLLUP,
// CUBE and HAVING, semi-joins, TYPEOF, FIELDS, every date literal and date
// function. What is left out is for kinds of data that the emulator does not
// have: distances between places and categories of articles.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
package soql
