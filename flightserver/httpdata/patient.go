package httpdata

import (
	"net/http"
	"time"
)

// stallTimeout ends an answer of which a client reads nothing for so long.
const stallTimeout = time.Minute

func newPatient(w http.ResponseWriter) *patient {
	return &patient{ResponseWriter: w, control: http.NewResponseController(w)}
}

// patient waits for a client as long as it reads something now and then.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (n int, err error) {
	const piece = 256 << 10
	for n < len(b) && err == nil {
		if err := p.control.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
			return n, err
		}
		var m int
		m, err = p.ResponseWriter.Write(b[n:min(len(b), n+piece)])
		n += m
	}
	return n, err
}
