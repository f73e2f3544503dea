package siege_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/lib/pq"
	"github.com/rs/zerolog"
)

// wall stands between the program and what it talks to, and can be made to delay,
// cut or swallow what passes.
type wall struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// newWall stands before a TCP address.
func newWall(t testing.TB, upstream string) *wall {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &wall{t: t, proxy: toxiproxy.NewProxy(server, strings.ReplaceAll(t.Name(), "/", "_"), "127.0.0.1:0", upstream)}
	must(t, w.proxy.Start())
	t.Cleanup(w.proxy.Stop)
	return w
}

func (w *wall) addr() string { return w.proxy.Listen }

// poison adds a toxic: https://github.com/Shopify/toxiproxy#toxics lists them.
func (w *wall) poison(kind, stream, attributes string) {
	w.t.Helper()
	_, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
		`{"name": %q, "type": %q, "stream": %q, "toxicity": 1, "attributes": {%s}}`, kind+"-"+stream, kind, stream, attributes)))
	must(w.t, err)
}

// cut closes every connection and lets no new one in, until heal.
func (w *wall) cut() { w.proxy.Stop() }

// heal lets everything pass again.
func (w *wall) heal() {
	w.t.Helper()
	w.proxy.Toxics.ResetToxics(context.Background())
	if !w.proxy.Enabled {
		must(w.t, w.proxy.Start())
	}
}

// bridge gives a TCP address behind which is the server of a DSN, which may
// listen on a Unix socket only.
func bridge(t testing.TB, c pq.Config) string {
	t.Helper()
	network, address := "tcp", net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
	if strings.HasPrefix(c.Host, "/") {
		network, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", c.Host, c.Port)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial(network, address)
			if err != nil {
				in.Close()
				continue
			}
			open.Go(func() { join(in, out) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// join passes on what either side says until one has ended.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			pair[0].Close()
			pair[1].Close()
		})
	}
	both.Wait()
}
