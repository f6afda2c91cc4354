package httpdata

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// maxRequests bounds the answers that are made at once.
const maxRequests = 64

// Handler answers requests for links.
type Handler struct {
	Links *Links
	// Admit tells who has the credentials that a link was made for, in the context
	// that the request is answered in, and counts it until done is called.
	Admit func(ctx context.Context, shown auth.Credential) (_ context.Context, done func(), err error)
	// Open gives the data of a ticket for the caller in the context, which the
	// handler releases.
	Open func(ctx context.Context, ticket []byte) (Data, error)
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
	shown, ticket, err := h.Links.open(r.PathValue("link"))
	switch {
	case errors.Is(err, errExpired):
		problem(w, http.StatusGone, err.Error())
	case err != nil:
		problem(w, http.StatusForbidden, err.Error())
	default:
		h.serve(w, r, shown, ticket)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, shown auth.Credential, ticket []byte) {
	ctx, done, err := h.Admit(r.Context(), shown)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer done()
	r = r.WithContext(ctx)
	data, err := h.Open(ctx, ticket)
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
	to := &late{ResponseWriter: newPatient(ctx, w)}
	if own != nil {
		defer func() { _ = own.Close() }() // it was only read
		err = serveContent(to, r, io.NewSectionReader(own, 0, own.Size()))
	} else {
		err = answer(to, r, &content{ctx: r.Context(), size: -1, write: func(ctx context.Context, w io.Writer) error {
			return f.write(ctx, w, data)
		}})
	}
	h.end(to, r, err)
}

func describe(to http.Header, data Data, f format) {
	to.Set("Content-Type", f.mediaType)
	to.Set("ETag", etag(data.Identity(), f))
	to.Set("Accept-Ranges", "bytes")
	to.Set("Cache-Control", "private")
	to.Set("X-Content-Type-Options", "nosniff")
}

// etag names the bytes that are made of data in a format by this version.
func etag(identity string, f format) string {
	sum := sha256.Sum256([]byte(settings.Version + "\n" + f.mediaType + "\n" + identity))
	return `"` + hex.EncodeToString(sum[:16]) + `"`
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
func answer(w http.ResponseWriter, r *http.Request, c *content) error {
	defer c.Close()
	if strings.Contains(r.Header.Get("Range"), ",") {
		r.Header.Del("Range") // many small ranges would make everything anew for each
	}
	if r.Header.Get("Range") != "" || r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Match") != "" {
		return serveContent(w, r, c)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	return c.write(r.Context(), w)
}

// serveContent answers conditions and ranges. It fails where the content does,
// and not where the client goes.
func serveContent(w http.ResponseWriter, r *http.Request, c io.ReadSeeker) error {
	content := &failing{ReadSeeker: c}
	http.ServeContent(w, r, "", time.Time{}, content)
	return content.err
}

// failing remembers why reading it ended early.
type failing struct {
	io.ReadSeeker

	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

func (f *failing) Seek(offset int64, whence int) (int64, error) {
	at, err := f.ReadSeeker.Seek(offset, whence)
	if err != nil {
		f.err = err
	}
	return at, err
}

// end completes an answer. Of one that has begun, a broken connection is all
// that tells the client of a failure.
func (h *Handler) end(to *late, r *http.Request, failure error) {
	switch {
	case failure == nil:
		_ = to.begin() // nobody is left to tell of an error
	case r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case to.begun:
		h.Logger.Error("data not sent", "error", failure)
		panic(http.ErrAbortHandler)
	default:
		to.forget()
		h.refuse(to.ResponseWriter, r, failure)
	}
}
