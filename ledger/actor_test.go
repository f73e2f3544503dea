package ledger_test

import (
	"testing"

	"github.com/partnersync/partnersync/ledger"
)

// TestR8_5_OnePersonIsOneHoweverTheNameIsWritten: nobody becomes a second person by the way of typing.
func TestR8_5_OnePersonIsOneHoweverTheNameIsWritten(t *testing.T) {
	for _, same := range [][2]string{
		{"ana", " ANA\t"},
		{"ana silva", "Ana   Silva"},
		{"ana silva", "ana\u00a0silva"},
		{"josé", "jose\u0301"},
		{"ana", "ａｎａ"},
		{"ana", "a\u200bna"},
		{"ana", "ana\u202e"},
		{"ana", "ana\ufe0f"},
		{"ana", "ana\x00"},
		{"ana", "ana\xff"},
		{"Straße", "STRASSE"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος"},
		{"CORP\\ana", "corp\\ANA"},
	} {
		if !ledger.IsSameActor(same[0], same[1]) || !ledger.IsSameActor(same[1], same[0]) {
			t.Errorf("%q is another person than %q", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"ana", "ben"}, {"ana", "anna"}, {"ana silva", "ana sousa"}, {"ana", "ana2"}, {"jose", "josé"}, {"山田", "山本"}} {
		if ledger.IsSameActor(other[0], other[1]) {
			t.Errorf("%q is the same person as %q", other[0], other[1])
		}
	}
}

// TestR8_5_ANameThatLooksLikeAnothersIsNone: a reader of the journal can tell persons apart.
func TestR8_5_ANameThatLooksLikeAnothersIsNone(t *testing.T) {
	for _, name := range []string{"ana", "Ana Silva", "josé", "Ольга", "Ναυσικά", "山田 太郎", "山田 Taro", "محمد", "CORP\\ana", "ana@acme.example", "O'Hara-Müller", "cron#4", "unknown user"} {
		if !ledger.IsActorName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"аna" /* its first letter is Cyrillic */, "αna", "ana\u200b", "a\u00adna", "ana\u202e", "ana\u0000", "ana\x1b[2J", "ana\xff", "ana\u2060", ""} {
		if ledger.IsActorName(name) {
			t.Errorf("%q is taken", name)
		}
	}
}
