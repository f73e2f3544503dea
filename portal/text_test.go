package portal

import "testing"

func TestProseIsEscapedAndShowsCommandsAsCode(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                         "plain",
		"`partnersync run` does it":     "<code>partnersync run</code> does it",
		"<b> & `<script>`":              "&lt;b&gt; &amp; <code>&lt;script&gt;</code>",
		"one ` that nothing closes <i>": "one ` that nothing closes &lt;i&gt;",
		"`a` and `b`":                   "<code>a</code> and <code>b</code>",
		"":                              "",
	} {
		if got := string(prose(in)); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
}
