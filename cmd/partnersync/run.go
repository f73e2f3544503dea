package main

import (
	"context"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	_ "time/tzdata" // company zones have to exist in a container without zone files
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/sync/schedule"
)

// run is the program: it takes what a process gets and gives the exit code.
// Cancelling ctx is how a signal arrives.
func run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{env: env, in: stdin, out: stdout, err: stderr, clock: clock.System{}}
	root := a.command()
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	if err != nil && !a.started {
		err = usage(c, err)
	}
	return a.finish(ctx, err)
}

// app is what every subcommand is handed: the process and the global flags.
type app struct {
	env      []string
	in       io.Reader
	out, err io.Writer
	clock    clock.Clock
	// started says that a subcommand was reached, so that an error before it
	// is known for one of usage.
	started bool
	// oneApproves: by the settings four eyes are off (R8.5).
	oneApproves bool

	configPath, output, actor, logLevel string
	noColor                             bool
}

// The groups under which the help lists the subcommands.
const (
	groupStart = "start"
	groupWork  = "work"
	groupLook  = "look"
	groupSetUp = "setup"
)

// command builds the tree of subcommands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "partnersync",
		Short: "Keep Salesforce and the Partner ID ledger in agreement",
		Long: `Partnersync pulls what Salesforce knows, reconciles it into the Partner ID
ledger, accrues what every partner is owed (with the reason), and pushes the
result back to Salesforce.

New here? Try ` + "`partnersync demo`" + `: it needs nothing but Postgres' binaries.`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: a.start,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	f := root.PersistentFlags()
	f.StringVar(&a.configPath, "config", a.variable(config.PathVariable), "file of settings (default "+config.DefaultPath+", which may be absent)")
	f.Lookup("config").DefValue = "" // the help says it in words
	f.StringVar(&a.output, "output", outputTable, "table for people, json for machines")
	f.StringVar(&a.actor, "actor", "", "who acts (default the operating system's user)")
	f.StringVar(&a.logLevel, "log-level", "", "debug, info, warn or error, instead of log.level")
	f.BoolVar(&a.noColor, "no-color", false, "no colours (so does NO_COLOR)")
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start here:"},
		&cobra.Group{ID: groupWork, Title: "Work:"},
		&cobra.Group{ID: groupLook, Title: "Look:"},
		&cobra.Group{ID: groupSetUp, Title: "Set up:"},
	)
	root.SetHelpCommandGroupID(groupSetUp)
	root.SetCompletionCommandGroupID(groupSetUp)
	root.AddCommand(a.subcommands()...)
	root.InitDefaultHelpCmd()
	helps, _, err := root.Find([]string{"help"})
	if err == nil {
		helps.Args = knownTopic
	}
	return root
}

// knownTopic refuses to help with a command that does not exist. Cobra would show the help
// of all of them, as if that were an answer.
func knownTopic(c *cobra.Command, args []string) error {
	sub, rest, err := c.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("unknown command %q for %q", rest[0], sub.CommandPath())
	}
	return err
}

// start checks the global flags, before any subcommand runs.
func (a *app) start(c *cobra.Command, _ []string) error {
	if a.output != outputTable && a.output != outputJSON {
		return errs.New(errs.Invalid, "--output %q is neither table nor json", a.output)
	}
	if a.logLevel != "" && !slices.Contains([]string{"debug", "info", "warn", "error"}, a.logLevel) {
		return errs.New(errs.Invalid, "--log-level %q is none of debug, info, warn, error", a.logLevel)
	}
	for _, name := range []string{"actor", "reason", "reference"} { // what is kept as it was said
		if f := c.Flag(name); f != nil && !isText(f.Value.String()) {
			return errs.New(errs.Invalid, "--%s has a character that is none of a text", name).WithHint("write it in UTF-8, on one line")
		}
	}
	switch a.actor = strings.TrimSpace(a.actor); {
	case a.actor == "":
		a.actor = a.systemUser()
	case ledger.IsSameActor(a.actor, ledger.ActorSalesforce), ledger.IsSameActor(a.actor, schedule.ActorSchedule):
		return errs.New(errs.Invalid, "--actor %q is the name of no person: it is kept for what nobody here does", a.actor).
			WithHint("give the name of the person who acts")
	case !ledger.IsActorName(a.actor):
		return errs.New(errs.Invalid, "--actor %q is no name that can be told from others by looking at it", a.actor).
			WithHint("write it in one alphabet, without characters that are not shown")
	}
	a.started = true
	return nil
}

// isText says whether words can be kept and shown: UTF-8 without control characters.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// systemUser is the name of the operating system's user.
func (a *app) systemUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	if name := a.variable("USER"); name != "" {
		return name
	}
	return "unknown user"
}

// variable gives an environment variable of the process, or "". The last one of
// a name counts, as with os/exec.
func (a *app) variable(name string) string {
	for _, pair := range slices.Backward(a.env) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// settings loads the configuration and tells its notices.
func (a *app) settings() (config.Config, error) {
	cfg, err := config.Load(a.configPath, a.env)
	if err != nil {
		return cfg, err
	}
	a.oneApproves = cfg.Company.OneApproves()
	if a.logLevel != "" {
		cfg.Log.Level = a.logLevel
	}
	for _, n := range cfg.Notices() {
		a.note("%s", n)
	}
	return cfg, nil
}

// logger writes to standard error, as the settings say.
func (a *app) logger(c config.Log) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return nil, errs.New(errs.Invalid, "log level: %w", err)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339TimeEncoder
	encoding.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if c.Format == "console" {
		if a.colored(a.err) {
			encoding.EncodeLevel = zapcore.CapitalColorLevelEncoder
		} else {
			encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		}
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	// Lock, because the workers of a process log at once.
	sink := zapcore.Lock(zapcore.AddSync(shownWriter{a, a.err}))
	return zap.New(zapcore.NewCore(encoder, sink, level), zap.WithClock(logClock{a.clock})), nil
}

// quiet is the logger of commands that a person runs and watches: only what goes
// wrong is logged beside their output, unless a level was asked for.
func (a *app) quiet(c config.Log) (*zap.Logger, error) {
	if a.logLevel == "" {
		c.Level = "error"
	}
	return a.logger(c)
}

// parent makes a command that only holds others say so when it is run without
// one, or with one that does not exist.
func parent(c *cobra.Command, children ...*cobra.Command) *cobra.Command {
	c.AddCommand(children...)
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			err = fmt.Errorf("%w\n\nDid you mean this?\n\t%s", err, strings.Join(near, "\n\t"))
		}
		return err
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.SuggestionsMinimumDistance = 2
	return c
}
