package server

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// noRow tells why an exported error has no row in errorCodes.
var noRow = map[string]string{
	"catalog.ErrForeign": "stops the server's start",
	"catalog.ErrInUse":   "stops the server's start",
}

func TestEveryErrorHasARow(t *testing.T) {
	rows := sourceOf(t, "errors.go")
	for _, dir := range []string{"auth", "catalog", "filewatch", "limits", "tlsreload", "wire"} {
		for _, name := range exportedErrors(t, filepath.Join("..", dir)) {
			full := dir + "." + name
			hasRow, reason := strings.Contains(rows, "{err: "+full+","), noRow[full]
			if hasRow == (reason != "") {
				t.Errorf("%s needs a row in errorCodes or a reason in noRow, one of both", full)
			}
		}
	}
}

func TestToStatus(t *testing.T) {
	cases := map[string]struct {
		reason string
		err    error
		code   codes.Code
		text   string
		info   string // the ErrorInfo's reason
		retry  bool
	}{
		"None":           {reason: "no error stays none"},
		"Status":         {reason: "gRPC's own refusals pass", err: status.Error(codes.Aborted, "as it is"), code: codes.Aborted, text: "as it is", info: "ABORTED"},
		"WrappedStatus":  {reason: "context does not hide a code", err: fmt.Errorf("receiving: %w", status.Error(codes.Canceled, "gone")), code: codes.Canceled, text: "gone", info: "CANCELLED"},
		"Canceled":       {reason: "the client went", err: fmt.Errorf("x: %w", context.Canceled), code: codes.Canceled, text: "canceled", info: "CANCELLED"},
		"Deadline":       {reason: "the client's time is up", err: context.DeadlineExceeded, code: codes.DeadlineExceeded, text: "deadline", info: "DEADLINE_EXCEEDED"},
		"Listed":         {reason: "the text names what the client named", err: fmt.Errorf("%w: \"x\"", catalog.ErrDatasetNotFound), code: codes.NotFound, text: `dataset not found: "x"`, info: "DATASET_NOT_FOUND"},
		"FixedText":      {reason: "clients compare this text", err: fmt.Errorf("%w: why", auth.ErrNoCredentials), code: codes.Unauthenticated, text: "No credentials supplied", info: "NO_CREDENTIALS"},
		"Retry":          {reason: "what passes has a hint", err: catalog.ErrClosed, code: codes.Unavailable, text: "closed", info: "CLOSED", retry: true},
		"Unlisted":       {reason: "internals stay in the log", err: errors.New("secret"), code: codes.Internal, text: "internal error ID", info: "INTERNAL"},
		"LongText":       {reason: "pyarrow reads large statuses as resource exhaustion", err: badRequest("%s", strings.Repeat("é", 9000)), code: codes.InvalidArgument, text: "…", info: "BAD_REQUEST"},
		"NotUTF8":        {reason: "gRPC sends UTF-8", err: badRequest("a\xffb"), code: codes.InvalidArgument, text: "a\uFFFDb", info: "BAD_REQUEST"},
		"JoinedListed":   {reason: "a failed clean-up hides no cause", err: errors.Join(catalog.ErrSchemaMismatch, nil), code: codes.InvalidArgument, text: "schema", info: "SCHEMA_MISMATCH"},
		"PanicIsNoCause": {reason: "a panic's text stays in the log", err: fmt.Errorf("panic: %v", "index"), code: codes.Internal, text: "internal error ID", info: "INTERNAL"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := toStatus(tc.err, "ID")
			wantStatus(t, err, tc.code, tc.text)
			if err == nil {
				return
			}
			info, retry := details(err)
			if info != tc.info || retry != tc.retry {
				t.Errorf("details = %q, retry %v; want %q, %v: %s", info, retry, tc.info, tc.retry, tc.reason)
			}
			if strings.Contains(status.Convert(err).Message(), "secret") {
				t.Error(tc.reason)
			}
			s := status.Convert(err).Proto()
			if size := proto.Size(s) - len(s.GetMessage()); size > 512 || len(s.GetMessage()) > 2048 {
				t.Errorf("details take %d bytes, the text %d", size, len(s.GetMessage()))
			}
		})
	}
}

func details(err error) (reason string, retry bool) {
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.RetryInfo:
			retry = true
		}
	}
	return reason, retry
}

// exportedErrors gives the package's variables that are named as errors.
func exportedErrors(t *testing.T, dir string) []string {
	t.Helper()
	files, err := fs.Glob(os.DirFS(dir), "*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", dir, err)
	}
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for _, name := range spec.Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, name.Name)
					}
				}
			}
			return true
		})
	}
	return names
}

func sourceOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestArrowStatusTrailer(t *testing.T) {
	cases := map[string]struct {
		reason string
		err    error
		want   bool
	}{
		"Unavailable": {"a Flight error keeps its details", catalog.ErrClosed, true},
		"Internal":    {"the same", errors.New("x"), true},
		"Invalid":     {"ArrowInvalid would become a Flight error", badRequest("x"), false},
		"NotFound":    {"so would ArrowKeyError", catalog.ErrDatasetNotFound, false},
		"Interrupted": {"a client that did not cancel is not told that it did", context.Canceled, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			trailer := &trailerOf{}
			ctx := grpc.NewContextWithServerTransportStream(context.WithValue(t.Context(), callKey{}, &call{id: "ID"}), trailer)
			err := translateErrors(ownWords)(ctx, "", func(context.Context) error { return tc.err })
			if got := len(trailer.md["x-arrow-status"]) == 1; got != tc.want {
				t.Errorf("x-arrow-status is set: %v: %s", got, tc.reason)
			}
			if status.Code(err) == codes.Canceled {
				t.Error(tc.reason)
			}
		})
	}
}

type trailerOf struct {
	grpc.ServerTransportStream
	md metadata.MD
}

func (o *trailerOf) SetTrailer(md metadata.MD) error {
	o.md = metadata.Join(o.md, md)
	return nil
}
