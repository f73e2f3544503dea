// Package tame refuses files that cost far more to read than they are long. Some of them
// come from people outside, as a registration that a partner has filled in.
package tame

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

const (
	// deepest is how far things may lie in each other. A parser takes the square of it in
	// time and memory; no file of ours is deeper than eight.
	deepest = 64
	// mostAliases and mostCopied bound what is repeated by its name: how often, and how many
	// bytes that may come to.
	mostAliases = 100
	mostCopied  = 64 << 20
)

// YAML says why a text is not to be read as YAML; nil if it may. A text that is no YAML
// at all may: the parser then says what is wrong with it.
func YAML(text []byte) error {
	w := walk{}
	for _, t := range lexer.Tokenize(string(text)) {
		if err := w.step(t); err != nil {
			return err
		}
	}
	if w.aliases > mostAliases || w.aliases*len(text) > mostCopied {
		return fmt.Errorf("it repeats by name (*) too much: %d times in %d bytes; write out what is repeated", w.aliases, len(text))
	}
	return nil
}

// longestSaid bounds what is said about a file: what it quotes may be a line of megabytes.
const longestSaid = 16 << 10

// Said cuts what is said about a file to what somebody reads.
func Said(s string) string {
	if len(s) <= longestSaid {
		return s
	}
	return strings.ToValidUTF8(s[:longestSaid], "") + " …"
}

// walk goes through the tokens of a text.
type walk struct {
	aliases int
	flow    int // brackets and braces that are open
	line    int
	inLine  int // of what opens something without a bracket, on this line
}

func (w *walk) step(t *token.Token) error {
	if t.Position.Line != w.line {
		w.line, w.inLine = t.Position.Line, 0
	}
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		w.flow++
	case token.SequenceEndType, token.MappingEndType:
		w.flow = max(w.flow-1, 0)
	case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
		w.inLine++
	case token.MappingValueType:
		if w.flow == 0 {
			w.inLine++
		}
	case token.AliasType:
		w.aliases++
	}
	if w.flow > deepest || w.inLine > deepest || t.Position.IndentNum > deepest*8 {
		return fmt.Errorf("line %d: what stands here lies in more than %d things", w.line, deepest)
	}
	return nil
}
