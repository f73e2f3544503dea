package tame

import (
	"os"
	"strings"
	"testing"
)

// What would take the parser gigabytes is refused, whatever it is that lies in each other.
func TestNoShortFileIsEndless(t *testing.T) {
	var stairs strings.Builder
	for i := range 1000 {
		stairs.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, text := range map[string]string{
		"brackets":        "partners: " + strings.Repeat("[", 200_000),
		"closed brackets": "partners: " + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000),
		"braces":          "partners: " + strings.Repeat("{a: ", 200_000),
		"entries":         strings.Repeat("- ", 200_000) + "x\n",
		"keys":            strings.Repeat("? ", 200_000) + "x\n",
		"values":          strings.Repeat("a: ", 200_000) + "x\n",
		"names":           "a: " + strings.Repeat("&a ", 200_000) + "x\n",
		"stairs":          stairs.String(),
		"a name repeated": "a: &s x\nb: [" + strings.Repeat("*s, ", 200) + "*s]\n",
		"much repeated":   "a: &s " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*s, ", 70) + "*s]\n",
	} {
		if err := YAML([]byte(text)); err == nil {
			t.Errorf("%s: %d bytes are taken", name, len(text))
		}
	}
}

// What people write is taken, and so is what is no YAML: the parser has to say why.
func TestWhatPeopleWriteIsTaken(t *testing.T) {
	mapping, err := os.ReadFile("../../mapping/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"the mapping": string(mapping),
		"nothing":     "",
		"no YAML":     "a: [\n}\n\"",
		"long lists":  "partners:\n" + strings.Repeat("  - {key: a, partner_ids: [FG3877, AB1234], domains: [a.example]}\n", 10_000),
		"one list":    "ids: [" + strings.Repeat("FG3877, ", 100_000) + "AB1234]\n",
		"a sentence":  "note: \"" + strings.Repeat("[a: - {", 1000) + "\"\n",
		"a text":      "note: |\n" + strings.Repeat("  - a: [ - b: {\n", 1000),
	} {
		if err := YAML([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
