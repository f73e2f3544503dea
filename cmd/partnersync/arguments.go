package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// exactlyOne wants one argument; name is how the usage calls it, and what says
// what it is.
func exactlyOne(name, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("%s wants one %s, %s, and none was given", c.CommandPath(), name, what)
		case 1:
			return nil
		}
		return fmt.Errorf("%s wants one %s, %s, and %d were given", c.CommandPath(), name, what, len(args))
	}
}

// needsKeys wants at least one key.
func needsKeys(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s wants at least one KEY, and none was given", c.CommandPath())
	}
	return nil
}

// onlyStages wants names of stages only, or "all".
func onlyStages(c *cobra.Command, args []string) error {
	for _, name := range args {
		if slices.Contains(c.ValidArgs, name) {
			continue
		}
		err := fmt.Errorf("there is no stage %q; there are %s", name, strings.Join(c.ValidArgs, ", "))
		for _, stage := range c.ValidArgs {
			if strings.HasPrefix(stage, name) || strings.HasPrefix(name, stage) {
				return fmt.Errorf("%w\n\nDid you mean this?\n\t%s", err, stage)
			}
		}
		return err
	}
	return nil
}
