package emulator

import (
	"net/http"
	"strings"
)

// The limits of a call of graphs.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_graph_limits.htm
const (
	maxGraphs     = 75
	maxGraphNodes = 500
)

// graph is a composite call that is done as a whole or not at all.
type graph struct {
	GraphID          string `json:"graphId"`
	CompositeRequest []part `json:"compositeRequest"`
}

// graphs answers POST composite/graph: each graph is a transaction of its own.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_graph.htm
func (o *Org) graphs(c *call) error {
	var body struct {
		Graphs []graph `json:"graphs"`
	}
	if _, err := readJSON(c, &body); err != nil {
		return err
	}
	if err := checkGraphs(body.Graphs); err != nil {
		return err
	}
	out := make([]map[string]any, len(body.Graphs))
	for i, g := range body.Graphs {
		answers := o.runParts(c, g.CompositeRequest, true)
		ok := true
		for _, a := range answers {
			ok = ok && !a.failed()
		}
		out[i] = map[string]any{"graphId": g.GraphID, "isSuccessful": ok, "graphResponse": map[string]any{"compositeResponse": answers}}
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"graphs": out})
	return nil
}

func checkGraphs(graphs []graph) error {
	nodes := 0
	seen := map[string]bool{}
	for _, g := range graphs {
		nodes += len(g.CompositeRequest)
		switch {
		case g.GraphID == "":
			return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "Missing required field: graphId")
		case seen[g.GraphID]:
			return refuse(http.StatusBadRequest, "DUPLICATE_VALUE", "Duplicate graphId specified: %s", g.GraphID)
		}
		seen[g.GraphID] = true
		if err := checkParts(g.CompositeRequest, maxGraphNodes); err != nil {
			return err
		}
		for _, p := range g.CompositeRequest {
			if !strings.Contains(p.URL, "/sobjects/") || isQueryLike(p.URL) {
				return refuse(http.StatusBadRequest, "INVALID_INPUT", "A graph's requests are for single records: %s", p.URL)
			}
		}
	}
	switch {
	case len(graphs) == 0:
		return refuse(http.StatusBadRequest, "MISSING_ARGUMENT", "graphs not specified")
	case len(graphs) > maxGraphs:
		return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of %d graphs exceeded: %d", maxGraphs, len(graphs))
	case nodes > maxGraphNodes:
		return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of %d nodes exceeded: %d", maxGraphNodes, nodes)
	}
	return nil
}
