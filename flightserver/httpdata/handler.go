package httpdata

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// maxRequests bounds the answers that are made at once.
const maxRequests = 64

// Handler answers requests for links.
type Handler struct {
	Links *Links
	// Admit counts a request of a caller until done is called.
	Admit func(ctx context.Context, caller auth.Identity) (done func(), err error)
	// Open gives the data of a ticket for a caller, which the handler releases.
	Open func(ctx context.Context, caller auth.Identity, ticket []byte) (Data, error)
	// Explain tells what a client reads of an error of Admit and Open.
	Explain func(ctx context.Context, err error) (code int, text string)
	Logger  *slog.Logger

	busy chan struct{}
}

// NewServer gives a server of a handler, with bounds on what a client may take
// of it. Whatever is around the handler sees all requests.
func NewServer(h *Handler, around func(http.Handler) http.Handler) *http.Server {
	h.busy = make(chan struct{}, maxRequests)
	mux := http.NewServeMux()
	mux.Handle(linkPath+"{link}", h)
	return &http.Server{
		Handler:           around(mux),
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
		h.serve(w, r, request{h, caller, ticket})
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, asked request) {
	done, err := h.Admit(r.Context(), asked.caller)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer done()
	data, err := asked.open(r.Context())
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer data.Release()
	w.Header().Set("Vary", "Accept")
	f, ok := choose(strings.Join(r.Header.Values("Accept"), ","), data.Schema())
	if !ok {
		problem(w, http.StatusNotAcceptable, "this data comes as "+offers(data.Schema()))
		return
	}
	own, err := ownFile(data, f)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	describe(w.Header(), data, f)
	if own != nil {
		defer func() { _ = own.Close() }() // it was only read
		serveContent(w, r, &logged{io.NewSectionReader(own, 0, own.Size()), h.Logger})
		return
	}
	h.answer(w, r, &content{ctx: r.Context(), size: -1, write: asked.writer(data, f)})
}

func describe(to http.Header, data Data, f format) {
	to.Set("Content-Type", f.mediaType)
	to.Set("ETag", etag(data.Identity(), f))
	to.Set("Accept-Ranges", "bytes")
	to.Set("Cache-Control", "private")
	to.Set("X-Content-Type-Options", "nosniff")
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code, text := h.Explain(r.Context(), err)
	problem(w, code, text)
}

// ownFile gives the file that the data lies in, where it is of the format.
func ownFile(data Data, f format) (File, error) {
	stored := data.Stored()
	if f.mediaType != parquetType || stored == nil {
		return nil, nil //nolint:nilnil // nothing is wrong with data that lies in no such file
	}
	return stored.Parquet()
}

// answer sends all, or what the request's conditions and ranges ask for. Only
// the latter needs the length, and with it a first pass.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, c *content) {
	defer c.Close()
	if strings.Contains(r.Header.Get("Range"), ",") {
		r.Header.Del("Range") // many small ranges would make everything anew for each
	}
	if r.Header.Get("Range") != "" || r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Match") != "" {
		serveContent(w, r, &logged{c, h.Logger})
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	if err := c.write(r.Context(), newPatient(w)); err != nil {
		if r.Context().Err() == nil {
			h.Logger.Error("data not sent", "error", err)
		}
		// The status is sent: a broken connection is all that tells the client.
		panic(http.ErrAbortHandler)
	}
}

// serveContent answers conditions and ranges. A client that reads less than the
// length that it was told knows that something broke.
func serveContent(w http.ResponseWriter, r *http.Request, content io.ReadSeeker) {
	http.ServeContent(newPatient(w), r, "", time.Time{}, content)
}

// logged tells why an answer broke off.
type logged struct {
	io.ReadSeeker

	logger *slog.Logger
}

func (l *logged) Read(p []byte) (int, error) {
	n, err := l.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		l.logger.Error("data not sent", "error", err)
	}
	return n, err
}
