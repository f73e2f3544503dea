package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by a release build: -ldflags "-X main.version=1.2.3".
var version string

// build says what this binary was made of.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String gives "partnersync 1.2.3 (go1.26 linux/amd64)".
func (b build) String() string {
	v := b.Version
	if v == "" {
		v = "(devel)"
	}
	return "partnersync " + v + " (" + b.Go + " " + b.Platform + ")"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", GroupID: groupSetUp, Args: cobra.NoArgs,
		Short: "Say which build this is",
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return a.show(b, func(p *page) { p.line("%s", b) })
		},
	}
}
