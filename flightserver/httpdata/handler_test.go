package httpdata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// alphabet is stored data whose messages have no headers.
type alphabet struct {
	identity string
	passes   *int
	fails    func(pass, piece int) error
}

func (alphabet) Schema() *arrow.Schema                      { return arrow.NewSchema(nil, nil) }
func (a alphabet) Identity() string                         { return a.identity }
func (alphabet) Records(context.Context) array.RecordReader { return nil }
func (a alphabet) Stored() Stored                           { return a }
func (alphabet) Release()                                   {}
func (alphabet) Parquet() (File, error)                     { return nil, nil } //nolint:nilnil // as Stored says

func (a alphabet) Messages(_ context.Context, use func(header, body []byte) error) error {
	*a.passes++
	for piece, text := range []string{"abcdefghij", strings.Repeat("k", headBytes), "uvwxyz"} {
		if err := a.fails(*a.passes, piece); err != nil {
			return err
		}
		if err := use(nil, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// serveAlphabet gives a link to the alphabet, whose files are others each time
// that it is opened, as after a compaction.
func serveAlphabet(t *testing.T, fails func(pass, piece int) error) string {
	t.Helper()
	links, now := newLinks(t)
	opened, passes := 0, 0
	server := httptest.NewServer(NewServer(&Handler{
		Links: links, Logger: slog.New(slog.DiscardHandler),
		Admit: func(ctx context.Context, _ auth.Credential) (context.Context, func(), error) {
			return ctx, func() {}, nil
		},
		Open: func(context.Context, []byte) (Data, error) {
			opened++
			return alphabet{fmt.Sprint("files ", opened), &passes, fails}, nil
		},
		Explain: func(_ context.Context, err error) (int, string) { return http.StatusInternalServerError, err.Error() },
	}, func(h http.Handler) http.Handler { return h }).Handler)
	t.Cleanup(server.Close)
	links.Base = server.URL
	url, err := links.Make(auth.Credential{Kind: settings.SubjectUser, Name: "arya"}, nil, now.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func TestAnswers(t *testing.T) {
	damage := errors.New("damaged")
	never := func(int, int) error { return nil }
	at := func(pass, piece int) func(int, int) error {
		return func(p, at int) error {
			if p == pass && at == piece {
				return damage
			}
			return nil
		}
	}
	const whole = 3*8 + 10 + headBytes + 6 + 8 // marks of three messages and the end
	for name, tc := range map[string]struct {
		reason string
		method string
		header string // Range
		fails  func(pass, piece int) error
		code   int
		length int64 // 0: of no interest
		breaks bool
	}{
		"whole":        {fails: never, code: http.StatusOK},
		"head":         {method: http.MethodHead, fails: never, code: http.StatusOK},
		"range":        {reason: "both passes are of the same files", header: "bytes=8-17", fails: never, code: http.StatusPartialContent, length: 10},
		"behind":       {header: "bytes=1000000-", fails: never, code: http.StatusRequestedRangeNotSatisfiable},
		"begin":        {fails: at(1, 0), code: http.StatusInternalServerError},
		"first part":   {reason: "nothing was sent yet", fails: at(1, 1), code: http.StatusInternalServerError},
		"later":        {fails: at(1, 2), code: http.StatusOK, breaks: true},
		"first pass":   {reason: "the length is not known", header: "bytes=0-9", fails: at(1, 2), code: http.StatusInternalServerError},
		"second pass":  {header: "bytes=0-", fails: at(2, 0), code: http.StatusInternalServerError},
		"second later": {header: "bytes=0-", fails: at(2, 2), code: http.StatusPartialContent, length: whole, breaks: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, tc.method, serveAlphabet(t, tc.fails), tc.header)
			if r.code != tc.code || (r.err != nil) != tc.breaks {
				t.Fatalf("%d, %v: %.100s", r.code, r.err, r.body)
			}
			if tc.code == http.StatusInternalServerError {
				if !strings.Contains(r.body, "damaged") || r.header.Get("ETag") != "" || r.header.Get("Content-Range") != "" {
					t.Errorf("%v: %s", r.header, r.body)
				}
				return
			}
			if tc.length > 0 && r.length != tc.length {
				t.Errorf("the length is %d, want %d", r.length, tc.length)
			}
			if tc.code == http.StatusPartialContent && !tc.breaks && r.body != "abcdefghij" {
				t.Errorf("%q came", r.body)
			}
		})
	}
}

// reply is an answer that was read.
type reply struct {
	code   int
	header http.Header
	length int64
	body   string
	err    error // of reading the body
}

func request(t *testing.T, method, url, byteRange string) reply {
	t.Helper()
	asked, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if byteRange != "" {
		asked.Header.Set("Range", byteRange)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := transport.RoundTrip(asked)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return reply{r.StatusCode, r.Header, r.ContentLength, string(body), err}
}
