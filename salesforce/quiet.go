package salesforce

import (
	"bytes"
	"io"
	"log"
	"sync"
)

// libraryMark is in every line that simpleforce writes about a login.
var libraryMark = []byte("[simpleforce]")

// filter passes on the lines of the standard logger except simpleforce's.
type filter struct{ next io.Writer }

// Write drops a line of the library, and reports it as written.
func (f filter) Write(line []byte) (int, error) {
	if bytes.Contains(line, libraryMark) {
		return len(line), nil
	}
	return f.next.Write(line)
}

var quieting sync.Mutex

// quietLibrary puts a filter before the standard logger's output, whatever that
// is, unless one stands there already. Flags, prefix and every line of anybody
// else stay as they are. It runs before a SOAP login, the only thing we do on
// which simpleforce writes to the log at all.
//
// Nothing secret depends on it: a program that gives its logger a new output
// later gets the library's line back, but the exchange has made sure that the
// line has no name, no body and no token.
func quietLibrary() {
	quieting.Lock()
	defer quieting.Unlock()
	if _, ok := log.Writer().(filter); !ok {
		log.SetOutput(filter{log.Writer()})
	}
}
