package httpdata

import (
	"cmp"
	"net/http"
)

// headBytes of an answer are made before it begins: of what fails until then the
// client is told, by a status, why.
const headBytes = 64 << 10

// late is an answer that begins once so much of it is there, or all.
type late struct {
	http.ResponseWriter
	code  int // 0: none was chosen
	held  []byte
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (l *late) WriteHeader(code int) { l.code = code }

// Write implements http.ResponseWriter.
func (l *late) Write(p []byte) (int, error) {
	if !l.begun && len(l.held)+len(p) <= headBytes {
		l.held = append(l.held, p...)
		return len(p), nil
	}
	if err := l.begin(); err != nil {
		return 0, err
	}
	return l.ResponseWriter.Write(p)
}

// begin sends what is held, unless that was done.
func (l *late) begin() error {
	if l.begun {
		return nil
	}
	l.begun = true
	l.ResponseWriter.WriteHeader(cmp.Or(l.code, http.StatusOK))
	_, err := l.ResponseWriter.Write(l.held)
	return err
}

// forget takes back what was said of an answer that did not begin.
func (l *late) forget() {
	for _, name := range []string{"ETag", "Accept-Ranges", "Content-Length", "Content-Range"} {
		l.Header().Del(name)
	}
}
