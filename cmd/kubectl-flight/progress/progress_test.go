package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	testclock "k8s.io/utils/clock/testing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// show moves 10 MB a second for 25 seconds.
func show(style Style, done func(second int) float64) string {
	var out bytes.Buffer
	c := testclock.NewFakePassiveClock(time.Unix(0, 0))
	d := New(&out, style, "nyc/flights", c)
	for second := 1; second <= 25; second++ {
		c.SetTime(time.Unix(int64(second), 0))
		d.Update(State{Done: done(second), Rows: int64(second) * 1000, Bytes: int64(second) * 10e6})
	}
	d.Close()
	return out.String()
}

func quarter(second int) float64 { return float64(second) / 100 }
func unknown(int) float64        { return -1 }

func TestLines(t *testing.T) {
	want := "nyc/flights: 10 %, 10,000 rows, 100 MB, 10 MB/s\n" +
		"nyc/flights: 20 %, 20,000 rows, 200 MB, 10 MB/s\n"
	if diff := cmp.Diff(want, show(Lines, quarter)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want = "nyc/flights: 10,000 rows, 100 MB, 10 MB/s\n" +
		"nyc/flights: 20,000 rows, 200 MB, 10 MB/s\n"
	if diff := cmp.Diff(want, show(Lines, unknown)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBar(t *testing.T) {
	for name, done := range map[string]func(int) float64{"known": quarter, "unknown": unknown} {
		got := show(Bar, done)
		if !strings.Contains(got, "\r") || strings.Contains(got, "\n") || !strings.Contains(got, "25,000 rows, 250 MB, 10 MB/s") {
			t.Errorf("%s: not a bar on one line: %q", name, got)
		}
		if !strings.HasSuffix(got, " \r") {
			t.Errorf("%s: the bar was not taken away: %q", name, got[max(0, len(got)-40):])
		}
	}
	if got := show(Bar, quarter); !strings.Contains(got, "25%") {
		t.Errorf("no part in %q", got)
	}
}

func TestSilent(t *testing.T) {
	if got := show(Silent, quarter); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestSummary(t *testing.T) {
	c := testclock.NewFakePassiveClock(time.Unix(0, 0))
	d := New(&bytes.Buffer{}, Silent, "a", c)
	c.SetTime(time.Unix(0, 500e6))
	if got, want := d.Summary(State{Rows: 336776, Bytes: 22e6}), "336,776 rows, 22 MB in 500ms (44 MB/s)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := d.Summary(State{}), "0 rows in 500ms"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
