package main

import "strings"

// nouns are those with which the names of counts begin, one and many. The names
// themselves stay as they are, in JSON and in metrics.
var nouns = [][2]string{
	{"balance", "balances"}, {"bill", "bills"}, {"commission", "commissions"}, {"difference", "differences"}, {"head", "heads"}, {"discrepancy", "discrepancies"}, {"entry", "entries"}, {"line", "lines"},
	{"month", "months"}, {"opportunity", "opportunities"}, {"partner", "partners"}, {"Partner ID history", "Partner ID histories"}, {"record", "records"}, {"row", "rows"}, {"source", "sources"}, {"statement", "statements"},
}

// plural gives the name of a count as it reads behind the number: "1 partner
// written" and "10 partners written". What it does not know stays as it is.
func plural(name string, n int64) string {
	for _, noun := range nouns {
		for _, form := range noun {
			rest, begins := strings.CutPrefix(name, form)
			if !begins || rest != "" && rest[0] != ' ' {
				continue
			}
			if n == 1 || n == -1 {
				return noun[0] + rest
			}
			return noun[1] + rest
		}
	}
	return name
}
