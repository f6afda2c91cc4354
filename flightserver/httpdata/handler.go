package httpdata

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	// stallTimeout ends an answer of which a client reads nothing for so long.
	stallTimeout = time.Minute
	// maxRequests bounds the answers that are made at once.
	maxRequests = 64
)

// Handler answers requests for links.
type Handler struct {
	Links *Links
	// Open gives the records of a ticket for a caller, which the handler releases.
	Open func(ctx context.Context, caller auth.Identity, ticket []byte) (array.RecordReader, error)
	// Explain tells what a client reads of an error of Open.
	Explain func(error) (code int, text string)
	Logger  *slog.Logger

	busy chan struct{}
}

// NewServer gives a server of a handler, with bounds on what a client may take
// of it.
func NewServer(h *Handler) *http.Server {
	h.busy = make(chan struct{}, maxRequests)
	mux := http.NewServeMux()
	mux.Handle(linkPath+"{link}", h)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(h.Logger.Handler(), slog.LevelWarn),
	}
}

// ServeHTTP gives the data of the link in the path.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "data is read by GET")
		return
	case r.ContentLength != 0:
		problem(w, http.StatusUnsupportedMediaType, "a request for data has no body")
		return
	}
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	default:
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusServiceUnavailable, "too many requests at once")
		return
	}
	caller, ticket, err := h.Links.open(r.PathValue("link"))
	switch {
	case errors.Is(err, errExpired):
		problem(w, http.StatusGone, err.Error())
	case err != nil:
		problem(w, http.StatusForbidden, err.Error())
	default:
		h.serve(w, r, caller, ticket)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, caller auth.Identity, ticket []byte) {
	data, err := h.Open(r.Context(), caller, ticket)
	if err != nil {
		code, text := h.Explain(err)
		problem(w, code, text)
		return
	}
	schema := data.Schema()
	data.Release()
	w.Header().Set("Vary", "Accept")
	f, ok := choose(strings.Join(r.Header.Values("Accept"), ","), schema)
	if !ok {
		problem(w, http.StatusNotAcceptable, "this data comes as "+offers(schema))
		return
	}
	w.Header().Set("Content-Type", f.mediaType)
	w.Header().Set("ETag", etag(ticket, f))
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Cache-Control", "private")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.answer(w, r, &content{ctx: r.Context(), size: -1, write: h.writer(caller, ticket, f)})
}

// writer gives what makes the bytes, as often as it is called.
func (h *Handler) writer(caller auth.Identity, ticket []byte, f format) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		data, err := h.Open(ctx, caller, ticket)
		if err != nil {
			return err
		}
		defer data.Release()
		return f.write(w, data)
	}
}

// answer sends all, or what the request's conditions and ranges ask for. Only
// the latter needs the length, and with it a first pass.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, c *content) {
	defer c.Close()
	out := &patient{ResponseWriter: w, control: http.NewResponseController(w)}
	if strings.Contains(r.Header.Get("Range"), ",") {
		r.Header.Del("Range") // many small ranges would make everything anew for each
	}
	if r.Header.Get("Range") != "" || r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Match") != "" {
		http.ServeContent(out, r, "", time.Time{}, c)
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	if err := c.write(r.Context(), out); err != nil {
		if r.Context().Err() == nil {
			h.Logger.Error("data not sent", "error", err)
		}
		// The status is sent: a broken connection is all that tells the client.
		panic(http.ErrAbortHandler)
	}
}

// etag names the bytes that a ticket gives in a format of this version.
func etag(ticket []byte, f format) string {
	h := sha256.New()
	h.Write([]byte(settings.Version + "\n" + f.mediaType + "\n"))
	h.Write(ticket)
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}

func offers(schema *arrow.Schema) string {
	var names []string
	for _, f := range formats {
		if f.suits(schema) {
			names = append(names, f.mediaType)
		}
	}
	return strings.Join(names, ", ")
}

// problem answers with a body of RFC 9457.
func problem(w http.ResponseWriter, code int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	body, err := json.Marshal(problemBody{http.StatusText(code), code, detail})
	if err == nil {
		_, _ = w.Write(body) // nobody is left to tell of an error
	}
}

// problemBody is what a client reads of a fault.
type problemBody struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
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
