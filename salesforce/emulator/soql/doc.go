// Package soql reads the Salesforce Object Query Language: text in, a syntax
// tree or an error with the platform's code, wording and position out. It knows
// no objects and no fields; whether a name exists is its caller's business.
//
// The subset is what integrations that copy records use: fields and paths up
// through lookups, COUNT(), WHERE with AND, OR, NOT, comparison, IN and LIKE,
// ORDER BY, LIMIT and OFFSET.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
package soql
