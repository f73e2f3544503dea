package query

import (
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Explanation is one way to run a query, as explain tells it.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_explain.htm
type Explanation struct {
	Cardinality          int               `json:"cardinality"`
	Fields               []string          `json:"fields"`
	LeadingOperationType string            `json:"leadingOperationType"`
	Notes                []ExplanationNote `json:"notes"`
	RelativeCost         float64           `json:"relativeCost"`
	SObjectCardinality   int               `json:"sobjectCardinality"`
	SObjectType          string            `json:"sobjectType"`
}

// ExplanationNote is a remark about a way to run a query.
type ExplanationNote struct {
	Description   string   `json:"description"`
	Fields        []string `json:"fields"`
	TableEnumOrID string   `json:"tableEnumOrId"`
}

// Explain tells how the query would be run. Callers hold the lock by RLock.
func (p *Plan) Explain() []Explanation {
	t := p.Table
	e := Explanation{Fields: []string{}, LeadingOperationType: "TableScan", Notes: []ExplanationNote{},
		SObjectCardinality: len(t.ByID), Cardinality: len(t.ByID), SObjectType: t.Object.Name}
	switch {
	case p.hasIDs:
		e.LeadingOperationType, e.Fields, e.Cardinality = "Index", []string{"Id"}, len(p.ids)
	case p.keyed != nil && !p.all:
		few, _ := p.candidates()
		e.LeadingOperationType, e.Fields, e.Cardinality = "Index", []string{p.keyed.Name}, len(few)
	case !p.span.IsWide():
		e.LeadingOperationType, e.Cardinality = "Index", 0
		p.scan.Walk(p.span, false, func(*store.Record) bool {
			e.Cardinality++
			return true
		})
		e.Fields = []string{"Id"}
		if p.scan == t.ByTime {
			e.Fields = []string{"SystemModstamp"}
			if t.TimeSlot() == schema.SlotCreatedDate {
				e.Fields = []string{"CreatedDate"}
			}
		}
	case p.where != nil:
		e.Notes = append(e.Notes, ExplanationNote{Description: "Not considering filter for optimization because unindexed", Fields: []string{}, TableEnumOrID: t.Object.Name})
	}
	if e.SObjectCardinality > 0 {
		e.RelativeCost = float64(e.Cardinality) / float64(e.SObjectCardinality)
	}
	return []Explanation{e}
}
