package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one line of the table of the REST API.
type route struct {
	method string
	// pattern is the path below the version, such as "sobjects/{object}/{id}". A
	// name in braces takes one segment, decoded; "{rest...}" at the end takes all
	// that follow.
	pattern string
	kind    requestKind
	handle  func(*Org, *call) error
}

// door is a path outside of the REST API. It checks method and session itself.
type door struct {
	// pattern is the whole path, such as "/services/oauth2/token".
	pattern string
	kind    requestKind
	handle  func(*Org, http.ResponseWriter, *http.Request)
}

// resource is a path of the REST API with all its methods.
type resource struct {
	segments []string
	routes   []route
}

// router finds the route of a path. Where several patterns fit, the first of
// the table counts, so literal ones stand before those with names.
type router struct {
	resources []*resource
	doors     []door
}

func newRouter(routes []route, doors []door) *router {
	rt := &router{doors: doors}
	byPattern := map[string]*resource{}
	for _, r := range routes {
		res := byPattern[r.pattern]
		if res == nil {
			res = &resource{segments: splitPath(r.pattern)}
			byPattern[r.pattern] = res
			rt.resources = append(rt.resources, res)
		}
		res.routes = append(res.routes, r)
	}
	return rt
}

// splitPath gives the segments of a path without the empty ones at its ends.
func splitPath(path string) []string {
	if path = strings.Trim(path, "/"); path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// decodePath splits an escaped path and decodes its segments, so that a slash
// inside of a key (%2F) stays there.
func decodePath(escaped string) []string {
	out := splitPath(escaped)
	for i, s := range out {
		if text, err := url.PathUnescape(s); err == nil {
			out[i] = text
		}
	}
	return out
}

// pathArg is what a name of a pattern took.
type pathArg struct{ name, value string }

// match says whether the segments fit, and what the names took.
func (r *resource) match(path []string) ([]pathArg, bool) {
	var args []pathArg
	for i, s := range r.segments {
		name, isName := strings.CutPrefix(s, "{")
		if rest, ok := strings.CutSuffix(name, "...}"); ok && isName {
			return append(args, pathArg{rest, strings.Join(path[min(i, len(path)):], "/")}), true
		}
		if i >= len(path) || !isName && s != path[i] {
			return nil, false
		}
		if isName {
			args = append(args, pathArg{strings.TrimSuffix(name, "}"), path[i]})
		}
	}
	return args, len(r.segments) == len(path)
}

// allowed lists the methods of a resource as the platform does.
func (r *resource) allowed() string {
	var out []string
	for _, rt := range r.routes {
		if rt.method == http.MethodGet {
			out = append(out, http.MethodHead)
		}
		out = append(out, rt.method)
	}
	return strings.Join(out, ",")
}

// find gives the route of a path below the version. One that is not there, and
// one that does not take the method, has a handler that says so.
func (rt *router) find(method string, path []string) (route, []pathArg) {
	for _, res := range rt.resources {
		args, ok := res.match(path)
		if !ok {
			continue
		}
		i := slices.IndexFunc(res.routes, func(r route) bool {
			return r.method == method || r.method == http.MethodGet && method == http.MethodHead
		})
		if i >= 0 {
			return res.routes[i], args
		}
		return route{method: method, kind: res.routes[0].kind, handle: func(_ *Org, c *call) error {
			c.w.Header().Set("Allow", strings.ReplaceAll(res.allowed(), ",", ", "))
			return errMethod(method, res.allowed())
		}}, args
	}
	return route{method: method, kind: kindOther, handle: func(*Org, *call) error { return errNoResource }}, nil
}

// door finds the door of a path that is not below /services/data/.
func (rt *router) door(path string) (door, bool) {
	segments := splitPath(path)
	for _, d := range rt.doors {
		if _, ok := (&resource{segments: splitPath(d.pattern)}).match(segments); ok {
			return d, true
		}
	}
	return door{}, false
}

// roots are the first segments of the table in its order: the resources that
// the version lists.
func (rt *router) roots() []string {
	var out []string
	for _, res := range rt.resources {
		if len(res.segments) > 0 && !slices.Contains(out, res.segments[0]) {
			out = append(out, res.segments[0])
		}
	}
	return out
}

// arg gives what a name of the route's pattern took, or "".
func (c *call) arg(name string) string {
	for _, a := range c.args {
		if a.name == name {
			return a.value
		}
	}
	return ""
}
