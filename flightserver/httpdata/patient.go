package httpdata

import (
	"context"
	"net/http"
	"time"
)

// stallTimeout ends an answer of which a client reads nothing for so long.
const stallTimeout = time.Minute

func newPatient(ctx context.Context, w http.ResponseWriter) *patient {
	return &patient{ResponseWriter: w, ctx: ctx, control: http.NewResponseController(w)}
}

// patient waits for a client as long as it reads something now and then, and
// sends nothing once the context has ended.
type patient struct {
	http.ResponseWriter
	ctx     context.Context //nolint:containedctx // of the request
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (n int, err error) {
	const piece = 256 << 10
	for n < len(b) && err == nil {
		if err := p.ctx.Err(); err != nil {
			return n, err
		}
		if err := p.control.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
			return n, err
		}
		var m int
		m, err = p.ResponseWriter.Write(b[n:min(len(b), n+piece)])
		n += m
	}
	return n, err
}
