package query

import "github.com/partnersync/partnersync/salesforce/emulator/schema"

// Metadata says what a query selects, as a query with columns=true answers
// instead of records. The Salesforce CLI asks so for the heads of its tables; no
// page of the vendor describes it.
type Metadata struct {
	Columns    []ColumnMetadata `json:"columnMetadata"`
	EntityName string           `json:"entityName"`
	GroupBy    bool             `json:"groupBy"`
	IDSelected bool             `json:"idSelected"`
	KeyPrefix  string           `json:"keyPrefix"`
}

// ColumnMetadata is one column of Metadata. A parent and children have the
// columns selected of them in Joined; Aggregate is true for functions and for
// children.
type ColumnMetadata struct {
	Aggregate      bool             `json:"aggregate"`
	ApexType       *string          `json:"apexType"`
	BooleanType    bool             `json:"booleanType"`
	ColumnName     string           `json:"columnName"`
	Custom         bool             `json:"custom"`
	DisplayName    string           `json:"displayName"`
	ForeignKeyName *string          `json:"foreignKeyName"`
	Insertable     bool             `json:"insertable"`
	Joined         []ColumnMetadata `json:"joinColumns"`
	NumberType     bool             `json:"numberType"`
	TextType       bool             `json:"textType"`
	Updatable      bool             `json:"updatable"`
}

// Metadata describes the query's result.
func (p *Plan) Metadata() Metadata {
	m := Metadata{Columns: p.Projection.metadata(), EntityName: p.Table.Object.Name, GroupBy: p.query.GroupBy != nil, KeyPrefix: p.Table.Object.Prefix}
	for _, c := range p.columns {
		m.IDSelected = m.IDSelected || c.isDirect() && c.Field.Slot == schema.SlotID
	}
	return m
}

func (p *Projection) metadata() []ColumnMetadata {
	out := []ColumnMetadata{}
	for i := range p.Parts {
		out = append(out, p.Parts[i].metadata(p))
	}
	return out
}

func (t *part) metadata(of *Projection) ColumnMetadata {
	m := ColumnMetadata{Aggregate: t.aggregate, ColumnName: t.name, DisplayName: t.display, Joined: []ColumnMetadata{}}
	if m.DisplayName == "" {
		m.DisplayName = t.name
	}
	switch {
	case t.child != nil:
		m.Joined, m.Custom = t.child.plan.Projection.metadata(), t.child.lookup.Custom
		return m
	case t.parent != nil:
		m.Joined, m.Custom, m.ForeignKeyName = t.inner.metadata(), t.parent.lookup.Custom, &t.parent.lookup.Relationship
		return m
	case t.typeOf != nil && t.typeOf.flat == nil:
		m.Joined = t.typeOf.metadata()
		m.Custom, m.ForeignKeyName = t.typeOf.lookup.lookup.Custom, &t.typeOf.lookup.lookup.Relationship
		return m
	}
	apex := apexType(t.f.Type)
	m.ApexType, m.Custom = &apex, t.f.Custom && !t.aggregate
	m.BooleanType, m.NumberType = t.f.Type == schema.TypeBoolean, t.f.Type.IsNumber()
	m.TextType = apex == "String"
	if of.Object != nil && !of.isGroup {
		m.Insertable = !t.f.ReadOnly && !t.f.IsAudit && !of.Object.ReadOnly
		m.Updatable = m.Insertable
	}
	return m
}

// metadata gives every column that a branch of TYPEOF selects, once.
func (t *typeOf) metadata() []ColumnMetadata {
	out := []ColumnMetadata{}
	seen := map[string]bool{}
	for _, table := range t.lookup.to {
		for _, p := range []*Projection{t.when[table.Object], t.rest[table.Object]} {
			if p == nil {
				continue
			}
			for _, m := range p.metadata() {
				if !seen[m.ColumnName] {
					seen[m.ColumnName] = true
					out = append(out, m)
				}
			}
		}
	}
	return out
}

// apexType is a type's name in Apex.
func apexType(t schema.Type) string {
	switch t {
	case schema.TypeID, schema.TypeReference:
		return "Id"
	case schema.TypeBoolean:
		return "Boolean"
	case schema.TypeInt:
		return "Integer"
	case schema.TypeDouble, schema.TypeCurrency, schema.TypePercent:
		return "Double"
	case schema.TypeDate:
		return "Date"
	case schema.TypeDateTime:
		return "Datetime"
	}
	return "String"
}
