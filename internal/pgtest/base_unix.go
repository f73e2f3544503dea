//go:build unix

package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/partnersync/partnersync/internal/errs"
)

// makeBase makes the directory above the slots. Whoever owns it decides what is
// in them, and its name can be guessed, so one that exists must be ours.
func makeBase(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || st.Uid != uint32(os.Geteuid()) {
		return errs.New(errs.Conflict, "%s is not a directory of ours", dir).WithHint("Remove it, or set TMPDIR to a directory of yours.")
	}
	return nil
}
