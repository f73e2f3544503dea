package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

// readyWithin bounds the answer of /readyz; whoever asks asks again.
const readyWithin = 5 * time.Second

// healthz says that the process answers. It asks nothing of anything else, so
// that a database in trouble does not get every replica restarted.
func (s *site) healthz(w http.ResponseWriter, _ *http.Request) {
	s.json(w, http.StatusOK, map[string]bool{"alive": true})
}

// readiness is the body of /readyz.
type readiness struct {
	Ready bool `json:"ready"`
	// Reasons say why not, without anything that is nobody's business.
	Reasons []string `json:"reasons,omitempty"`
}

// readyz says whether this replica can do its work: 200, or 503 with reasons. Who asks
// while others do gets their answer: nobody can take the database's connections from the
// stages by asking often.
func (s *site) readyz(w http.ResponseWriter, r *http.Request) {
	asked, _, _ := s.asked.Do("", func() (any, error) {
		// It must not end with the patience of whoever asked first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), readyWithin)
		defer cancel()
		return s.unready(ctx), nil
	})
	reason, _ := asked.(string)
	if reason == "" {
		s.json(w, http.StatusOK, readiness{Ready: true})
		return
	}
	s.json(w, http.StatusServiceUnavailable, readiness{Reasons: []string{reason}})
}

// unready gives the reason for which the replica is not ready, or "". A driver's
// text may name hosts and users, so it goes to the log and not to whoever asks.
func (s *site) unready(ctx context.Context) string {
	if err := s.DB.PingContext(ctx); err != nil {
		s.Log.Warn("not ready: the database does not answer", zap.Error(err))
		return "the database does not answer"
	}
	if s.Ready == nil {
		return ""
	}
	err := s.Ready(ctx)
	if err == nil {
		return ""
	}
	s.Log.Warn("not ready", zap.Error(err))
	switch errs.KindOf(err) {
	case errs.Unknown, errs.Transient:
		return "a check of the database failed; the log says which"
	}
	if hint := errs.HintOf(err); hint != "" {
		return err.Error() + ": " + hint
	}
	return err.Error()
}

func (s *site) json(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		s.Log.Error("could not write an answer", zap.Error(err))
		http.Error(w, "{}", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	s.write(w, append(b, '\n'))
}

// write sends a body. Whoever asked may have gone, which is no fault of ours.
func (s *site) write(w http.ResponseWriter, b []byte) {
	if _, err := w.Write(b); err != nil {
		s.Log.Debug("an answer was not taken", zap.Error(err))
	}
}
