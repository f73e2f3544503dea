package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
)

// The exit codes. docs/commands.md promises them.
const (
	exitOK          = 0
	exitFailed      = 1   // it did not work, or is not in a state that allows it
	exitInvalid     = 2   // usage, settings or input are wrong
	exitProblems    = 3   // done, with problems that a person has to look at
	exitAuth        = 4   // credentials are missing, wrong, or not allowed this
	exitTryLater    = 5   // the other side was busy or gone, or a quota is used up
	exitInterrupted = 130 // stopped by a signal before it was done
)

// problemsError says that everything was done and some records need a person.
// It is an error unless --lenient was given.
type problemsError struct{ problems int64 }

func (p problemsError) Error() string {
	return fmt.Sprintf("done, with %s that somebody has to look at", counted(p.problems, "problem"))
}

// usage makes an error of cobra's, before any subcommand was reached, one of
// the kind Invalid. c is the command that was to run, as far as that is known.
func usage(c *cobra.Command, err error) error {
	if errs.KindOf(err) != errs.Unknown {
		return err
	}
	// Cobra adds suggestions after an empty line; they make a good hint.
	what, suggestions, _ := strings.Cut(err.Error(), "\n\n")
	if better := invalidValue(what); better != "" {
		what = better
	}
	hint := "`partnersync --help` lists the commands, `partnersync COMMAND --help` the flags of one"
	if c.HasParent() {
		hint = "`" + c.CommandPath() + " --help` says how it is used"
	}
	if near := nearFlag(c, what); near != "" {
		hint = "did you mean " + near + "? " + hint
	} else if better := whatWasMeant(c.Root(), what); better != "" {
		hint = better
	} else if s := strings.Fields(strings.TrimPrefix(suggestions, "Did you mean this?")); len(s) > 0 {
		hint = "did you mean " + strings.Join(s, " or ") + "?"
	}
	return errs.New(errs.Invalid, "%s", what).WithHint("%s", hint)
}

// invalidValue says of a flag's value what would be right, without the names of
// the functions that could not read it; "" for what is another error.
func invalidValue(text string) string {
	what, parser, is := strings.Cut(text, " flag: strconv.Parse")
	switch {
	case !is:
		return ""
	case strings.HasPrefix(parser, "Bool"):
		return what + " flag: it is neither true nor false"
	}
	return what + " flag: it is not a whole number, or too large"
}

// finish tells an error to the person and gives the exit code.
func (a *app) finish(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if problems, ok := errors.AsType[problemsError](err); ok {
		a.note("%s", problems.Error())
		return exitProblems
	}
	if ctx.Err() != nil {
		// What a stop breaks off says so in many ways; all of them are the stop's.
		if !errors.Is(err, context.Canceled) {
			a.note("while stopping: %v", err)
		}
		a.note("stopped; what was in hand is rolled back, and the next run takes it up again")
		return exitInterrupted
	}
	fmt.Fprintln(a.err, a.paint(a.err, red, "error:"), shown(err.Error()))
	if hint := errs.HintOf(err); hint != "" {
		fmt.Fprintln(a.err, a.paint(a.err, cyan, "hint:"), shown(hint))
	}
	return codeOf(err)
}

// codeOf gives the exit code of an error.
func codeOf(err error) int {
	switch errs.KindOf(err) {
	case errs.Invalid:
		return exitInvalid
	case errs.Auth:
		return exitAuth
	case errs.Transient, errs.Limit:
		return exitTryLater
	case errs.Unknown, errs.NotFound, errs.Conflict:
		return exitFailed
	}
	return exitFailed
}
