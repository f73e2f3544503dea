//go:build !unix

package pgtest

import "os"

// makeBase makes the directory above the slots.
func makeBase(dir string) error { return os.MkdirAll(dir, 0o755) }
