// Package letter sets letters: A4 pages of headings, pairs and tables, as a PDF, with
// names in any script.
//
// # Text
//
// A text is put into Unicode's composed form and shaped: Arabic letters take the form
// that goes with their neighbours, and right-to-left text stands in its visual order
// (Unicode Standard Annex 9, without explicit embeddings, which names do not have).
// Each character comes from the first embedded font that has it. One that none has,
// such as an emoji, is shown as U+FFFD, �, and never left out. Scripts whose letters
// change their order or melt into each other, such as Devanagari or Tamil, are shown
// letter by letter: readable, and not as a printer would set them.
//
// # Bytes
//
// The same calls give the same bytes: the only instant in the file is the one that
// the caller gives.
//
// # Fonts
//
// DejaVu Sans (Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Lao and
// more), Droid Sans Fallback (Chinese, Japanese, Korean) and Noto Sans for fourteen
// scripts of South and South-East Asia and Ethiopia. They are the files of Debian's packages
// fonts-dejavu-core, fonts-droid-fallback and fonts-noto-core, compressed; their
// licences are beside them.
package letter
