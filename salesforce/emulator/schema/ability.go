package schema

import (
	"slices"
	"strings"
)

// TypeMultipicklist is a picklist of which a record may have several values,
// kept as the platform prints them: joined by semicolons.
const TypeMultipicklist Type = "multipicklist"

// IsGroupable says whether GROUP BY may name the field.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_group_by_considerations.htm
func (f *Field) IsGroupable() bool {
	switch f.Type {
	case TypeDouble, TypeCurrency, TypePercent, TypeDateTime, TypeMultipicklist:
		return false
	}
	return f.IsFilterable()
}

// IsSortable says whether ORDER BY may name the field.
func (f *Field) IsSortable() bool { return f.IsFilterable() && f.Type != TypeMultipicklist }

// IsAggregatable says whether COUNT, MIN and their like may be made of the field.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_agg_functions_field_types.htm
func (f *Field) IsAggregatable() bool {
	return f.IsFilterable() && f.Type != TypeBoolean && f.Type != TypeMultipicklist
}

// Targets are the names of the objects to which a lookup may point.
func (f *Field) Targets() []string {
	if f.RefTo == "" {
		return nil
	}
	return strings.Split(f.RefTo, ",")
}

// PointsTo says whether a lookup may name records of an object.
func (f *Field) PointsTo(object string) bool {
	return f.RefTo == object || strings.Contains(f.RefTo, ",") && slices.Contains(f.Targets(), object)
}

// Clears says whether a lookup becomes null when the record that it names is deleted,
// which is what the platform does where nothing else is declared. Lookups to users
// and profiles keep their value: those are not deleted. So does MasterRecordId, which
// tells for good into what a record was merged.
// https://help.salesforce.com/s/articleView?id=000383277&type=1
func (f *Field) Clears() bool {
	return f.Slot >= 0 && f.RefTo != "" && !f.OnDelete.HoldsChildren() && !f.IsAudit &&
		f.Name != "MasterRecordId" && !f.PointsTo("User") && !f.PointsTo("Profile")
}

// IsPolymorphic says whether the records to which a lookup of o points may be of
// several objects. Owners of custom objects and of leads are: the platform has
// queues beside users, though this org has none.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_relationships_and_polymorph_keys.htm
func (o *Object) IsPolymorphic(f *Field) bool {
	if f.Name == "OwnerId" {
		return o.Custom || o.Name == "Lead" || o.Name == "Case" || o.Name == "Task" || o.Name == "Event"
	}
	return strings.Contains(f.RefTo, ",")
}

// ChildrenName is the name under which a parent knows the records of o that
// point to it by the lookup f, or "" if it has none.
func (o *Object) ChildrenName(f *Field) string {
	switch {
	case f.Children != "":
		return f.Children
	case f.Custom:
		return strings.TrimSuffix(o.Name, "__c") + "s__r"
	}
	return ""
}
