package httpdata

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQuality(t *testing.T) {
	const parquet = "application/vnd.apache.parquet"
	for accept, want := range map[string]float64{
		"":                                     1,
		"*/*":                                  1,
		"application/*;q=0.5":                  0.5,
		parquet + ";q=0":                       0,
		"*/*, " + parquet + ";q=0":             0,
		"application/*;q=0.2, */*;q=0.9":       0.2,
		parquet + ";q=0.3, */*":                0.3,
		"text/html":                            0,
		parquet + ";q=NaN":                     0,
		parquet + ";q=2":                       0,
		"APPLICATION/VND.APACHE.PARQUET":       1,
		";;;, application/vnd.apache.parquet ": 1,
	} {
		if got := quality(accept, parquet); got != want {
			t.Errorf("quality(%q) = %v, want %v", accept, got, want)
		}
	}
}

func FuzzQuality(f *testing.F) {
	f.Add("application/*;q=0.5, */*;q=NaN")
	f.Fuzz(func(t *testing.T, accept string) {
		if q := quality(accept, formats[0].mediaType); !(q >= 0 && q <= 1) {
			t.Errorf("quality(%q) = %v", accept, q)
		}
	})
}

func newLinks(t testing.TB) (*Links, *testclock.FakePassiveClock) {
	t.Helper()
	now := testclock.NewFakePassiveClock(time.Unix(1e9, 0))
	keys, err := auth.OpenKeys(filepath.Join(t.TempDir(), "keys"), true, now)
	if err != nil {
		t.Fatal(err)
	}
	return &Links{Keys: keys, Base: "https://flight.example"}, now
}

func TestLinkLife(t *testing.T) {
	links, now := newLinks(t)
	arya := auth.Credential{Kind: settings.SubjectUser, Name: "arya", Version: "1"}
	url, err := links.Make(arya, []byte("ticket"), now.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimPrefix(url, "https://flight.example/v1/data/")
	caller, ticket, err := links.open(text)
	if err != nil || caller != arya || string(ticket) != "ticket" {
		t.Errorf("open() = %+v, %q, %v", caller, ticket, err)
	}
	now.SetTime(now.Now().Add(time.Hour + time.Second))
	if _, _, err := links.open(text); !errors.Is(err, errExpired) {
		t.Errorf("after its end: %v", err)
	}
	if _, _, err := links.open(text[:len(text)-4]); !errors.Is(err, errBadLink) {
		t.Errorf("a changed one after its end: %v", err)
	}
}

func FuzzLink(f *testing.F) {
	links, now := newLinks(f)
	url, err := links.Make(auth.Credential{Kind: settings.SubjectUser, Name: "arya"}, []byte("ticket"), now.Now().Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	text := strings.TrimPrefix(url, links.Base+linkPath)
	f.Add(text)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	signed := text[:strings.LastIndex(text, ".")]
	f.Fuzz(func(t *testing.T, text string) {
		// The last character of base64 has bits to spare; what is signed has none.
		if _, _, err := links.open(text); err == nil && !strings.HasPrefix(text, signed) {
			t.Errorf("%q was taken", text)
		}
	})
}

// newContent writes the alphabet in three pieces and counts how often.
func newContent(passes *int) *content {
	return &content{ctx: context.Background(), size: -1, write: func(_ context.Context, w io.Writer) error {
		*passes++
		for _, piece := range []string{"abcdefghij", "klmnopqrst", "uvwxyz"} {
			if _, err := io.WriteString(w, piece); err != nil {
				return err
			}
		}
		return nil
	}}
}

func TestContent(t *testing.T) {
	passes := 0
	c := newContent(&passes)
	defer c.Close()
	if size, err := c.Seek(0, io.SeekEnd); err != nil || size != 26 {
		t.Fatalf("size = %d, %v", size, err)
	}
	for _, step := range []struct {
		offset int64
		length int
		want   string
	}{{0, 3, "abc"}, {9, 4, "jklm"}, {25, 1, "z"}, {20, 100, "uvwxyz"}, {26, 1, ""}} {
		if _, err := c.Seek(step.offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.LimitReader(c, int64(step.length)))
		if err != nil || string(got) != step.want {
			t.Errorf("at %d: %q, %v, want %q", step.offset, got, err, step.want)
		}
	}
	if _, err := c.Seek(0, io.SeekEnd); err != nil || passes != 5 {
		t.Errorf("%d passes, want 5: the length is learned once, and nothing is made twice in a row; %v", passes, err)
	}
}

// Reading that ends early ends the writing, and its error is the reader's.
func TestContentEnds(t *testing.T) {
	broken := errors.New("broken")
	c := &content{ctx: context.Background(), size: -1, write: func(_ context.Context, w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("x"), 100))
		return errors.Join(err, broken)
	}}
	if _, err := io.ReadFull(c, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	c.Close() // the writer is in the middle; goleak sees that it ended
	if _, err := io.ReadAll(c); !errors.Is(err, broken) {
		t.Errorf("error = %v", err)
	}
	c.Close()
	if _, err := c.Seek(0, io.SeekEnd); !errors.Is(err, broken) {
		t.Errorf("length of what breaks: %v", err)
	}
}
