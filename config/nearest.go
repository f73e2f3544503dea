package config

import "strings"

// nearest gives the candidate that someone who wrote name most likely meant, or
// "" when none is near. Names are compared whole and by their last part, since
// a key in the wrong section is as common as a typing slip.
func nearest(name string, candidates []string) string {
	best, at := "", -1
	for _, c := range candidates {
		d := distance(name, c)
		if tail := distance(last(name), last(c)); tail < d && tail <= 1 {
			d = tail + 1 // the section is another: a little less likely
		}
		// Sections are candidates too: "salesfroce" for "salesforce".
		for section, rest, ok := strings.Cut(c, "."); ok; section, rest, ok = strings.Cut(rest, ".") {
			if s := distance(name, section); s <= 2 && s < d {
				d, c = s, section
			}
		}
		if d <= 1+len(name)/4 && (at < 0 || d < at) {
			best, at = c, d
		}
	}
	return best
}

func last(key string) string { return key[strings.LastIndex(key, ".")+1:] }

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}
