// Package schema is what an org's objects and fields are: as they are declared,
// as they are built for one org, and the form in which a field keeps a value. It
// holds no records.
package schema
