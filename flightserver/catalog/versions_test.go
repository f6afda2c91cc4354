package catalog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

func versionsOf(t *testing.T, c *Catalog, name string) (numbers []uint64) {
	t.Helper()
	versions, err := c.Versions(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		numbers = append(numbers, v.Version)
	}
	return numbers
}

func TestVersionsAndRestore(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	mustPut(t, c, "d", ModeCreate, 1, 2)
	mustPut(t, c, "d", ModeReplace, 3)
	restored, err := c.Restore(t.Context(), "d", 1)
	if err != nil || restored.Version != 3 {
		t.Fatalf("restored it is %+v, %v", restored, err)
	}
	if again, err := c.Restore(t.Context(), "d", 3); err != nil || again.Version != 3 {
		t.Errorf("the newest restored is %+v, %v", again, err)
	}
	_, err = c.Restore(t.Context(), "d", 9)
	wantError(t, err, ErrVersionNotFound)
	_, err = c.Version("d", 9)
	wantError(t, err, ErrVersionNotFound)
	_, err = c.Versions("e")
	wantError(t, err, ErrDatasetNotFound)
	mustPut(t, c, "d", ModeAppend, 4)
	for range 2 {
		for version, want := range map[uint64][]int64{1: {1, 2}, 2: {3}, 3: {1, 2}, 4: {1, 2, 4}} {
			d, err := c.Version("d", version)
			if err != nil || d.Rows != int64(len(want)) {
				t.Fatalf("version %d is %+v, %v", version, d, err)
			}
			wantNumbers(t, mustGet(t, c, d), want...)
		}
		mustClose(t, c)
		c = mustOpen(t, testOptions(fs))
	}
}

// TestRestoredFiles are those of the old version, which must not go with it.
func TestRestoredFiles(t *testing.T) {
	fs, clock := vfs.NewMemory(), testclock.NewFakeClock(time.Unix(1e9, 0))
	o := testOptions(fs)
	o.Clock = clock
	c := mustOpen(t, o)
	d := mustPut(t, c, "d", ModeCreate, 1, 2)
	mustPut(t, c, "d", ModeReplace, 3)
	restored, err := c.Restore(t.Context(), "d", 1)
	if err != nil {
		t.Fatal(err)
	}
	clock.Step(2 * testKeep)
	c.store.Sweep(t.Context())
	if n := uploadsIn(t, fs, d.ID); n != 1 {
		t.Errorf("%d uploads are there, want the restored one", n)
	}
	if s, err := c.Storage("d"); err != nil || s.Bytes != restored.Bytes {
		t.Errorf("stored are %+v, %v, want %d bytes", s, err, restored.Bytes)
	}
	wantNumbers(t, mustGet(t, c, restored), 1, 2)
}

func TestDeclaredRetention(t *testing.T) {
	for name, tc := range map[string]struct {
		reason    string
		retention Retention
		after     time.Duration // since the last of five versions, which come a minute apart
		want      int           // versions that are left
	}{
		"None":       {reason: "the catalog's own keeps for an hour", after: testKeep - 4*time.Minute, want: 5},
		"None later": {after: testKeep, want: 1},
		"Versions":   {retention: Retention{Versions: 3}, after: 1000 * time.Hour, want: 3},
		"Age":        {retention: Retention{Age: 100 * time.Hour}, after: 99 * time.Hour, want: 5},
		"Age later":  {retention: Retention{Age: 100 * time.Hour}, after: 100 * time.Hour, want: 1},
		"Bytes":      {reason: "the newest stays however large it is", retention: Retention{Bytes: 1}, after: time.Hour, want: 1},
		"Tickets":    {reason: "a ticket that was just given must work", retention: Retention{Versions: 1, Bytes: 1}, after: 26 * time.Minute, want: 5},
	} {
		t.Run(name, func(t *testing.T) {
			fs, clock := vfs.NewMemory(), testclock.NewFakeClock(time.Unix(1e9, 0))
			o := testOptions(fs)
			o.Clock, o.KeepAtLeast = clock, 30*time.Minute
			c := mustOpen(t, o)
			for _, r := range []Retention{{Versions: 2}, tc.retention} { // the last one counts
				if _, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Policy: Policy{Retention: r}}); err != nil {
					t.Fatal(err)
				}
			}
			for n := range int64(5) {
				clock.Step(time.Minute)
				mustPut(t, c, "d", ModeReplace, n)
			}
			mustClose(t, c)
			c = mustOpen(t, o)
			clock.Step(tc.after)
			c.store.Sweep(t.Context())
			if got := versionsOf(t, c, "d"); len(got) != tc.want || got[len(got)-1] != 5 {
				t.Errorf("versions %v are left, want %d", got, tc.want)
			}
		})
	}
}

// TestRetainedBytes keeps as many of the newest versions as fit.
func TestRetainedBytes(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	size := mustPut(t, c, "d", ModeCreate, 0).Bytes
	declaration := Declaration{Path: []string{"d"}, Policy: Policy{Retention: Retention{Bytes: 2 * size}}}
	if _, err := c.Declare(t.Context(), declaration); err != nil {
		t.Fatal(err)
	}
	for n := range int64(4) {
		mustPut(t, c, "d", ModeReplace, n)
	}
	c.store.Sweep(t.Context())
	if got := fmt.Sprint(versionsOf(t, c, "d")); got != "[4 5]" {
		t.Errorf("versions %s are left", got)
	}
}

func TestRename(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	a, b := mustPut(t, c, "a", ModeCreate, 1), mustPut(t, c, "b", ModeCreate, 2)
	if _, err := c.Declare(t.Context(), Declaration{Path: []string{"declared"}}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		from, to string
		want     error
	}{
		{"x", "y", ErrDatasetNotFound},
		{"a", "b", ErrDatasetExists},
		{"a", "../b", ErrBadName},
		{"a", "", ErrBadName},
		{"declared", "y", ErrDeclared},
		{"a", "a", nil},
	} {
		wantError(t, c.Rename(t.Context(), tc.from, tc.to), tc.want)
	}
	u, err := c.NewUpload(t.Context(), UploadRequest{Path: []string{"a"}, Mode: ModeAppend, Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Rename(t.Context(), "a", "folder/a"); err != nil {
		t.Fatal(err)
	}
	if err := u.Write(testRecord(testSchema, 3)); err != nil {
		t.Fatal(err)
	}
	d, err := u.Commit(t.Context())
	if err != nil || d.Name() != "folder/a" || d.ID != a.ID {
		t.Errorf("an upload that was under way made %+v, %v", d, err)
	}
	anew := mustPut(t, c, "a", ModeCreate, 4)
	for range 2 {
		var names []string
		for _, d := range c.List("") {
			names = append(names, strings.Join(d.Path, "|"))
		}
		if got := strings.Join(names, " "); got != "a b declared folder|a" {
			t.Errorf("listed are %s", got)
		}
		wantNumbers(t, mustGet(t, c, d), 1, 3)
		wantNumbers(t, mustGet(t, c, anew), 4)
		wantNumbers(t, mustGet(t, c, b), 2)
		mustClose(t, c)
		c = mustOpen(t, testOptions(fs))
	}
}

func TestPin(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	wantError(t, c.Pin(t.Context(), "d"), ErrDatasetNotFound)
	mustPut(t, c, "d", ModeCreate, 1)
	for range 2 {
		if err := c.Pin(t.Context(), "d"); err != nil {
			t.Error(err)
		}
	}
	if err := c.Unpin(t.Context(), "d"); err != nil {
		t.Error(err)
	}
}
