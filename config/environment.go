package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// PathVariable is the environment variable that names the file, as --config does.
const PathVariable = EnvPrefix + "CONFIG"

// override reads the environment into c. A variable that starts like ours and is
// none is no fault, since Kubernetes invents such variables for a service named
// partnersync; when it nearly is one, a notice says so.
func (c *Config) override(environ []string) []Fault {
	keyOf := map[string]string{}
	var names []string
	for _, key := range Keys() {
		keyOf[EnvName(key)] = key
		names = append(names, EnvName(key))
	}
	var faults []Fault
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) || name == PathVariable {
			continue
		}
		key, known := keyOf[name]
		if !known {
			if near := nearest(name, names); near != "" && distance(name, near) <= 2 {
				c.notices = append(c.notices, "the environment variable "+name+" is not one of ours; did you mean "+near+"?")
			}
			continue
		}
		if value == "" {
			continue // an empty variable is an unset one
		}
		c.origins[key] = origin{variable: name}
		if err := c.overrideOne(name, value); err != nil {
			faults = append(faults, c.fault(key, err.Error()))
		}
	}
	return faults
}

// overrideOne sets one variable. One at a time, because env's errors name the
// Go field and not the variable.
func (c *Config) overrideOne(name, value string) error {
	err := env.ParseWithOptions(c, env.Options{
		Environment: map[string]string{name: value},
		Prefix:      EnvPrefix,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[bool]():          parseAs[bool],
			reflect.TypeFor[int]():           parseAs[int],
			reflect.TypeFor[int64]():         parseAs[int64],
			reflect.TypeFor[time.Duration](): parseAs[time.Duration],
		},
	})
	var parse env.ParseError
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}

// parseAs reads a value as the file would.
func parseAs[T any](s string) (any, error) {
	var v T
	err := set(reflect.ValueOf(&v).Elem(), s)
	return v, err
}
