package emulator

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// packers are kept for the next answer: each has large tables.
var packers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // BestSpeed is a level
	}
	return z
}}

// packedWriter packs an answer's body with gzip, if the answer has one.
type packedWriter struct {
	http.ResponseWriter
	z      *gzip.Writer // nil until the first byte
	status int
}

// packed gives the writer for a client that takes gzip, and what ends it.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest_compression.htm
func packed(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, func()) {
	if !takesGzip(r.Header.Get("Accept-Encoding")) || r.Method == http.MethodHead {
		return w, func() {}
	}
	p := &packedWriter{ResponseWriter: w}
	return p, p.close
}

// takesGzip reads Accept-Encoding.
func takesGzip(header string) bool {
	for option := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(option), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

func (p *packedWriter) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
	}
}

func (p *packedWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if p.z == nil {
		h := p.Header()
		h.Set("Content-Encoding", "gzip")
		h.Add("Vary", "Accept-Encoding")
		h.Del("Content-Length")
		p.sendStatus()
		z, ok := packers.Get().(*gzip.Writer)
		if !ok {
			z = gzip.NewWriter(nil)
		}
		z.Reset(p.ResponseWriter)
		p.z = z
	}
	return p.z.Write(b)
}

// Unwrap gives the writer below, for http.ResponseController and the log.
func (p *packedWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *packedWriter) sendStatus() {
	if p.status == 0 {
		p.status = http.StatusOK
	}
	p.ResponseWriter.WriteHeader(p.status)
}

// Flush sends what is packed so far, for answers that come in pieces.
func (p *packedWriter) Flush() {
	if p.z != nil {
		p.z.Flush() //nolint:errcheck // see writeJSON
	}
	if f, ok := p.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

func (p *packedWriter) close() {
	if p.z == nil {
		if p.status != 0 {
			p.ResponseWriter.WriteHeader(p.status)
		}
		return
	}
	p.z.Close() //nolint:errcheck // see writeJSON
	p.z.Reset(nil)
	packers.Put(p.z)
}
