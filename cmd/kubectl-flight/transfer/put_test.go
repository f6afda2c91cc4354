package transfer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func csvFile(t *testing.T, content string) formats.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return formats.Source{Path: path, Format: formats.CSV}
}

func TestPut(t *testing.T) {
	s := &scripted{}
	c := start(t, s)
	sources := []formats.Source{csvFile(t, "n\n1\n2\n"), csvFile(t, "n\n3\n")}
	result, sent, err := Put(t.Context(), c.Client(), Upload{Dataset: "a/b", Mode: Create, Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	if result.Version != 7 || sent.Rows != 3 {
		t.Errorf("got %+v, %+v", result, sent)
	}
	if got := s.commands[0]; got.Dataset != "a/b" || got.Mode != Create || got.Upload == "" {
		t.Errorf("got command %+v", got)
	}
	if s.said[0].Rows != 3 {
		t.Errorf("the end said %+v, want 3 rows", s.said[0])
	}
}

func TestPutNoRows(t *testing.T) {
	s := &scripted{}
	c := start(t, s)
	if _, _, err := Put(t.Context(), c.Client(), Upload{Dataset: "a", Mode: Replace, Sources: []formats.Source{csvFile(t, "n\n")}}); err != nil {
		t.Fatal(err)
	}
	if len(s.rows) != 1 || s.rows[0] != 0 {
		t.Errorf("got %v, want one upload without rows", s.rows)
	}
}

// A broken connection is followed by the same upload, which the server knows
// by its id.
func TestPutAgain(t *testing.T) {
	s := &scripted{onPut: func(attempt int, _ int64) error {
		if attempt == 1 {
			return status.Error(codes.Unavailable, "going away")
		}
		return nil
	}}
	c := start(t, s)
	var told int
	_, sent, err := Put(t.Context(), c.Client(), Upload{
		Dataset: "a", Mode: Append, Sources: []formats.Source{csvFile(t, "n\n1\n2\n")},
		Retrying: func(error) { told++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.commands) != 2 || s.commands[0] != s.commands[1] || told != 1 || sent.Rows != 2 {
		t.Errorf("got %+v, told %d times, sent %+v", s.commands, told, sent)
	}
}

func TestPutOnce(t *testing.T) {
	tests := map[string]struct {
		reason string
		source formats.Source
		code   codes.Code
		detail string
	}{
		"Stdin":   {"standard input cannot be read again", formats.Source{Path: formats.Stdin, Format: formats.CSV, Stdin: strings.NewReader("n\n1\n")}, codes.Unavailable, ""},
		"Refused": {"what is refused stays so", csvFile(t, "n\n1\n"), codes.InvalidArgument, ""},
		"NoSpace": {"a full volume stays full for a while", csvFile(t, "n\n1\n"), codes.Unavailable, settings.ReasonNoSpace},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := &scripted{onPut: func(int, int64) error {
				st, err := status.New(tc.code, "no").WithDetails(&errdetails.ErrorInfo{Reason: tc.detail})
				if err != nil {
					return err
				}
				return st.Err()
			}}
			c := start(t, s)
			_, _, err := Put(t.Context(), c.Client(), Upload{Dataset: "a", Mode: Replace, Sources: []formats.Source{tc.source}})
			if status.Code(err) != tc.code || len(s.commands) != 1 {
				t.Errorf("%s: got %v after %d attempts", tc.reason, err, len(s.commands))
			}
		})
	}
}

// The upload of a source that fails is cancelled: it never looks whole.
func TestPutFailingSource(t *testing.T) {
	s := &scripted{}
	c := start(t, s)
	source := formats.Source{Path: formats.Stdin, Format: formats.CSV, Stdin: failing{strings.NewReader("n\n" + strings.Repeat("1\n", 2<<20))}}
	_, _, err := Put(t.Context(), c.Client(), Upload{Dataset: "a", Mode: Replace, Sources: []formats.Source{source}})
	if err == nil || !strings.Contains(err.Error(), "the pipe broke") {
		t.Errorf("got %v", err)
	}
	if len(s.commands) != 0 {
		t.Errorf("the server saw the end of %v", s.commands)
	}
}

func TestPutSchemasDiffer(t *testing.T) {
	c := start(t, &scripted{})
	tests := map[string]struct{ second, want string }{
		"Count": {"n,m\n1,2\n", "2 columns, not 1"},
		"Name":  {"m\n1\n", `column 1 is "m", not "n"`},
		"Type":  {"n\nx\n", `column "n" is utf8, not int64`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			sources := []formats.Source{csvFile(t, "n\n1\n"), csvFile(t, tc.second)}
			_, _, err := Put(t.Context(), c.Client(), Upload{Dataset: "a", Mode: Replace, Sources: sources})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestPutCancelled(t *testing.T) {
	s := &scripted{}
	c := start(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	source := csvFile(t, "n\n"+strings.Repeat("1\n", 1<<20))
	_, _, err := Put(ctx, c.Client(), Upload{
		Dataset: "a", Mode: Replace, Sources: []formats.Source{source},
		Progress: func(float64, Sent) { cancel() },
	})
	if err == nil || len(s.commands) != 0 {
		t.Errorf("got %v, and the server saw the end of %v", err, s.commands)
	}
}

// Messages stay below 4 MiB even where long values stand close together.
func TestSplit(t *testing.T) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "s", Type: arrow.BinaryTypes.String},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)},
	}, nil))
	long := strings.Repeat("x", 100<<10)
	for i := range 20_000 {
		text := "short"
		if i < 200 {
			text = long
		}
		b.Field(0).(*array.StringBuilder).Append(text)
		list := b.Field(1).(*array.ListBuilder)
		list.Append(true)
		list.ValueBuilder().(*array.Int64Builder).Append(int64(i))
	}
	rec := b.NewRecordBatch()
	s := &scripted{}
	c := start(t, s)
	path := filepath.Join(t.TempDir(), "long.arrow")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := formats.NewWriter(out, formats.Arrow, rec.Schema(), formats.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []error{w.Write(rec), w.Close(), out.Close()} {
		if step != nil {
			t.Fatal(step)
		}
	}
	_, sent, err := Put(t.Context(), c.Client(), Upload{Dataset: "a", Mode: Replace, Sources: []formats.Source{{Path: path, Format: formats.Arrow}}})
	if err != nil {
		t.Fatal(err)
	}
	if sent.Rows != rec.NumRows() || s.largest > 4<<20-(64<<10) || s.largest < 1<<20 {
		t.Errorf("sent %+v in messages of up to %s", sent, fmt.Sprint(s.largest))
	}
}
