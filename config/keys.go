package config

import (
	"reflect"
	"strings"
	"time"
)

// A Setting is one key with its value as text, secrets masked, and where the
// value was stated.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// From is "default", "partnersync.yaml:12", "PARTNERSYNC_LOG_LEVEL", or the file that
	// holds a secret.
	From string `json:"from"`
}

// Redacted lists every setting in the order of the sections, with ••• in place
// of secrets and passwords.
func (c Config) Redacted() []Setting {
	var out []Setting
	walk(reflect.ValueOf(c), "", func(key string, v reflect.Value) {
		s := Setting{Key: key, Value: text(v), From: "default"}
		if o, ok := c.origins[key]; ok {
			s.From = o.where()
		} else if path, ok := c.readFrom[key]; ok {
			s.From = path
		}
		out = append(out, s)
	})
	return out
}

// Keys lists every key, in the order of the sections.
func Keys() []string {
	var out []string
	walk(reflect.ValueOf(Config{}), "", func(key string, _ reflect.Value) { out = append(out, key) })
	return out
}

// EnvName gives the environment variable of a key.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// walk visits every setting below a section.
func walk(section reflect.Value, prefix string, visit func(key string, v reflect.Value)) {
	for i := range section.NumField() {
		name := section.Type().Field(i).Tag.Get("yaml")
		if name == "" {
			continue
		}
		if v := section.Field(i); isSection(v.Type()) {
			walk(v, join(prefix, name), visit)
		} else {
			visit(join(prefix, name), v)
		}
	}
}

// fieldOf gives the field of a section that has this name in YAML.
func fieldOf(section reflect.Value, name string) (reflect.Value, bool) {
	for i := range section.NumField() {
		if tag := section.Type().Field(i).Tag.Get("yaml"); tag != "" && tag == name {
			return section.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// isSection says whether a type is a struct with keys of its own.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Secret]() && t != reflect.TypeFor[DSN]()
}

func isSecret(key string) bool {
	secret := false
	walk(reflect.ValueOf(Config{}), "", func(k string, v reflect.Value) {
		if k == key && (v.Type() == reflect.TypeFor[Secret]() || v.Type() == reflect.TypeFor[DSN]()) {
			secret = true
		}
	})
	return secret
}

// text gives a setting as it is written in YAML, secrets masked.
func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return x
	case time.Duration:
		return shortDuration(x)
	case interface{ String() string }:
		return x.String()
	}
	return numeral(v)
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
