package portal

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
)

func TestServeFinishesWhatIsUnderWayAndEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked, goOn, ended := make(chan bool), make(chan bool), make(chan error)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-goOn
		if _, err := io.WriteString(w, "done"); err != nil {
			t.Error(err)
		}
	})
	l, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- ServeOn(ctx, l, h) }()
	answer := make(chan string)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	go func() {
		r, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		b, err := io.ReadAll(r.Body)
		if closeErr := r.Body.Close(); err != nil || closeErr != nil {
			t.Error(err, closeErr)
		}
		answer <- string(b)
	}()
	<-asked
	cancel()
	close(goOn)
	if got := <-answer; got != "done" {
		t.Errorf("the answer under way was %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestAPortInUseNamesTheSetting(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = Serve(t.Context(), l.Addr().String(), http.NotFoundHandler())
	if errs.KindOf(err) != errs.Conflict || !strings.Contains(errs.HintOf(err), "http.listen") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("%v (hint %q)", err, errs.HintOf(err))
	}
	if err := Serve(t.Context(), "203.0.113.1:80", http.NotFoundHandler()); errs.KindOf(err) != errs.Invalid {
		t.Errorf("of an address that is not ours: %v", err)
	}
}
