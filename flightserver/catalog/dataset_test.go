package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

func TestNames(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	for name, bad := range map[string]string{
		"a": "", "a/b/c": "", "...": "", "a b": "", "ä/日本": "", ".hidden": "", `\`: "", "a\nb": "", "CON": "",
		strings.Repeat("x", 1024):     "",
		"":                            "empty segment",
		"/a":                          "empty segment",
		"a/":                          "empty segment",
		"a//b":                        "empty segment",
		".":                           `segment "."`,
		"a/../b":                      `segment ".."`,
		"a/..":                        `segment ".."`,
		"a\x00b":                      "NUL",
		"a\xffb":                      "UTF-8",
		strings.Repeat("x", 1025):     "longer than 1024 bytes",
		strings.Repeat("ü", 1<<19):    "longer than 1024 bytes",
		strings.Repeat("\x00", 1<<20): "longer than 1024 bytes",
		strings.Repeat("日", 300) + "/../../etc": `segment ".."`,
	} {
		_, err := put(t.Context(), c, name, ModeCreate, 1)
		if bad == "" {
			if err != nil {
				t.Errorf("%s: %v", quote(name), err)
			}
			continue
		}
		_, derr := c.Declare(t.Context(), Declaration{Path: []string{name}})
		for _, err := range []error{err, derr} {
			if !errors.Is(err, ErrBadName) || !strings.Contains(err.Error(), bad) || len(err.Error()) > 400 {
				t.Errorf("%s: error %v, want it to say %q", quote(name), err, bad)
			}
		}
	}
}

func TestPathsThatJoinToOneName(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	first, err := c.Declare(t.Context(), Declaration{Path: []string{"nyc/trips"}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Declare(t.Context(), Declaration{Path: []string{"nyc", "trips"}})
	if err != nil || second.ID != first.ID || len(second.Path) != 1 {
		t.Errorf("declared again it is %+v, %v", second, err)
	}
}

func TestList(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	for _, name := range []string{"b", "a/2", "a/1", "aa"} {
		mustPut(t, c, name, ModeCreate, 1)
	}
	for prefix, want := range map[string]string{"": "a/1 a/2 aa b", "a/": "a/1 a/2", "a": "a/1 a/2 aa", "x": ""} {
		var names []string
		for _, d := range c.List(prefix) {
			names = append(names, d.Name())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("prefix %q lists %q, want %q", prefix, got, want)
		}
	}
}

// TestDeclaredCompression outlives the server, whose log says it as an entry and
// as a checkpoint.
func TestDeclaredCompression(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	declare := func(compression Compression) {
		t.Helper()
		if _, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Policy: Policy{Compression: compression}}); err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 { return mustPut(t, c, "d", ModeReplace, make([]int64, 10_000)...).Bytes }
	declare(CompressionNone)
	plain := size()
	for range 2 {
		declare(CompressionLZ4)
		lz4 := size()
		declare(CompressionZSTD)
		zstd := size()
		if lz4 > plain/2 || zstd > plain/2 || lz4 == zstd {
			t.Errorf("it is %d bytes, LZ4 %d, ZSTD %d", plain, lz4, zstd)
		}
		for range 2 {
			mustClose(t, c)
			c = mustOpen(t, testOptions(fs))
			if again := size(); again != zstd {
				t.Errorf("the next catalog's is %d bytes, want %d", again, zstd)
			}
			if err := c.checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		declare(CompressionNone)
		if again := size(); again != plain {
			t.Errorf("without compression it is %d bytes, want %d", again, plain)
		}
	}
}

// TestRefusedDeclarations leave nothing in the log.
func TestRefusedDeclarations(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	mustPut(t, c, "there.parquet", ModeCreate, 1)
	for name, d := range map[string]Declaration{
		"Format":                {Path: []string{"d"}, Format: "CSV"},
		"Compressed":            {Path: []string{"d"}, Format: settings.FormatParquet, Policy: Policy{Compression: CompressionZSTD}},
		"Compressed by its end": {Path: []string{"d.parquet"}, Policy: Policy{Compression: CompressionLZ4}},
		"Compressed later":      {Path: []string{"there.parquet"}, Policy: Policy{Compression: CompressionLZ4}},
	} {
		if _, err := c.Declare(t.Context(), d); !errors.Is(err, ErrFormatMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Policy: Policy{Compression: "gzip"}}); err == nil {
		t.Error("gzip is a compression")
	}
	mustClose(t, c)
	c = mustOpen(t, testOptions(fs))
	if n := c.Len(); n != 1 {
		t.Errorf("%d datasets are there, want 1", n)
	}
}

func TestDeclare(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	bound := Declaration{Path: []string{"d"}, Format: settings.FormatArrow, Schema: testSchema}
	first, err := c.Declare(t.Context(), bound)
	if err != nil || first.Version != 0 || !first.Schema.Equal(testSchema) {
		t.Fatalf("declared it is %+v, %v", first, err)
	}
	r, err := c.Scan(t.Context(), first.ID, 0, 0)
	if err != nil || r.Records().Next() || !r.Schema().Equal(testSchema) {
		t.Errorf("without data it reads %v, %v", r, err)
	}
	r.Release()

	before := entriesIn(t, fs)
	for range 2 {
		if again, err := c.Declare(t.Context(), bound); err != nil || again.ID != first.ID {
			t.Errorf("declared again it is %+v, %v", again, err)
		}
		if now := entriesIn(t, fs); now != before {
			t.Errorf("declaring again wrote %d entries", now-before)
		}
		mustClose(t, c)
		c = mustOpen(t, testOptions(fs))
	}

	_, err = c.Declare(t.Context(), Declaration{Path: []string{"d"}, Format: settings.FormatParquet})
	wantError(t, err, ErrFormatMismatch)
	other := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}, nil)
	_, err = c.Declare(t.Context(), Declaration{Path: []string{"d"}, Schema: other})
	wantError(t, err, ErrSchemaMismatch)
	_, err = c.NewUpload(t.Context(), UploadRequest{Path: []string{"d"}, Schema: other})
	wantError(t, err, ErrSchemaMismatch)
	interval := arrow.NewSchema([]arrow.Field{{Name: "i", Type: arrow.FixedWidthTypes.MonthInterval}}, nil)
	_, err = c.Declare(t.Context(), Declaration{Path: []string{"e.parquet"}, Schema: interval})
	wantError(t, err, ErrUnsupportedType)
}

func entriesIn(t *testing.T, fs vfs.FS) int {
	t.Helper()
	names, err := fs.List("data/catalog")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestDeclareAdopts binds the schema of data that was there first.
func TestDeclareAdopts(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	d := mustPut(t, c, "d", ModeCreate, 1)
	adopted, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Schema: testSchema})
	if err != nil || adopted.ID != d.ID || adopted.Version != 1 {
		t.Errorf("adopted it is %+v, %v", adopted, err)
	}
	other := arrow.NewSchema(testSchema.Fields()[:1], nil)
	_, err = c.NewUpload(t.Context(), UploadRequest{Path: []string{"d"}, Schema: other})
	wantError(t, err, ErrSchemaMismatch)
}

// TestDeclaredNullability stores a stream that promises more than it must.
func TestDeclaredNullability(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	if _, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Schema: testSchema}); err != nil {
		t.Fatal(err)
	}
	fields := testSchema.Fields()
	for i := range fields {
		fields[i].Nullable = false
	}
	metadata := arrow.NewMetadata([]string{"k"}, []string{"v"})
	strict := arrow.NewSchema(fields, &metadata)
	u, err := c.NewUpload(t.Context(), UploadRequest{Path: []string{"d"}, Schema: strict})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Write(testRecord(strict, 1)); err != nil {
		t.Fatal(err)
	}
	d, err := u.Commit(t.Context())
	if err != nil || !d.Schema.Field(0).Nullable || !d.Schema.Metadata().Equal(metadata) {
		t.Errorf("committed it is %+v, %v", d, err)
	}
	wantNumbers(t, mustGet(t, c, d), 1)
	wantNumbers(t, mustGet(t, c, mustPut(t, c, "d", ModeAppend, 2)), 1, 2)
}

// TestRetry commits an upload that a client sends again since it got no answer.
func TestRetry(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	for _, mode := range []Mode{ModeCreate, ModeAppend, ModeReplace} {
		id := fmt.Sprint("../upload ", mode)
		first, err := putID(t.Context(), c, "d", mode, id, 1)
		if err != nil {
			t.Fatal(mode, err)
		}
		mustPut(t, c, "d", ModeAppend, 2)
		for range 2 {
			again, err := putID(t.Context(), c, "d", mode, id, 1)
			if err != nil || again.Version != first.Version || again.Rows != first.Rows {
				t.Errorf("%s again made %+v, %v, want %+v", mode, again, err, first)
			}
			mustClose(t, c)
			c = mustOpen(t, testOptions(fs))
		}
	}
	numbers, err := newestNumbers(t, c, "d")
	if err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, numbers, 1, 2)
}

// TestCheckpoints goes past the versions that are written whole.
func TestCheckpoints(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	var want []int64
	for n := range int64(140) {
		mode := ModeAppend
		if n == 0 {
			mode = ModeCreate
		}
		if _, err := putID(t.Context(), c, "d", mode, fmt.Sprint("upload ", n), n); err != nil {
			t.Fatal(err)
		}
		want = append(want, n)
	}
	mustClose(t, c)
	c = mustOpen(t, testOptions(fs))
	d, err := c.Dataset("d")
	if err != nil || d.Version != 140 || d.Rows != 140 {
		t.Fatalf("reopened it is %+v, %v", d, err)
	}
	wantNumbers(t, mustGet(t, c, d), want...)
	d.Version = 70
	wantNumbers(t, mustGet(t, c, d), want[:70]...)
	if again, err := putID(t.Context(), c, "d", ModeAppend, "upload 3", 3); err != nil || again.Version != 4 {
		t.Errorf("an early upload again made version %d, %v", again.Version, err)
	}
}

func TestDropWhileRead(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	d := mustPut(t, c, "d", ModeCreate, 1, 2)
	r, err := c.Scan(t.Context(), d.ID, d.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, c.Drop(t.Context(), "d", "another"), ErrDatasetNotFound)
	if err := c.Drop(t.Context(), "d", d.ID); err != nil {
		t.Fatal(err)
	}
	_, err = c.Dataset("d")
	wantError(t, err, ErrDatasetNotFound)
	_, err = c.Scan(t.Context(), d.ID, d.Version, 0)
	wantError(t, err, ErrDatasetNotFound)
	wantError(t, c.Drop(t.Context(), "d", ""), ErrDatasetNotFound)
	c.store.Sweep(t.Context())
	numbers, err := drain(r.Records())
	if err != nil {
		t.Error(err)
	}
	wantNumbers(t, numbers, 1, 2)
	r.Release()
	waitFor(t, "the files to go", func() bool { return !exists(fs, "data/d/"+d.ID) })

	anew := mustPut(t, c, "d", ModeCreate, 3)
	if anew.ID == d.ID || anew.Version != 1 {
		t.Errorf("made anew it is %+v", anew)
	}
}

// TestDropWhileUploaded ends an upload whose dataset goes.
func TestDropWhileUploaded(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	d := mustPut(t, c, "d", ModeCreate, 1)
	u, err := c.NewUpload(t.Context(), UploadRequest{Path: []string{"d"}, Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Drop(t.Context(), "d", ""); err != nil {
		t.Fatal(err)
	}
	if err := u.Write(testRecord(testSchema, 2)); err != nil {
		t.Fatal(err)
	}
	_, err = u.Commit(t.Context())
	wantError(t, err, ErrDatasetNotFound)
	if err := u.Abort(); err != nil {
		t.Error(err)
	}
	waitFor(t, "the files to go", func() bool { return !exists(fs, "data/d/"+d.ID) })
}

// TestRetention keeps superseded versions for tickets, and no longer.
func TestRetention(t *testing.T) {
	fs, clock := vfs.NewMemory(), testclock.NewFakeClock(time.Unix(1e9, 0))
	o := testOptions(fs)
	o.Clock = clock
	c := mustOpen(t, o)
	v1 := mustPut(t, c, "d", ModeCreate, 1)
	v2 := mustPut(t, c, "d", ModeAppend, 2)
	clock.Step(testKeep / 2)
	v3 := mustPut(t, c, "d", ModeReplace, 3)
	r, err := c.Scan(t.Context(), v2.ID, v2.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	clock.Step(testKeep / 2)
	c.store.Sweep(t.Context())
	_, err = c.Scan(t.Context(), v1.ID, v1.Version, 0)
	wantError(t, err, ErrVersionNotFound)
	wantNumbers(t, mustGet(t, c, v2), 1, 2)

	clock.Step(testKeep)
	c.store.Sweep(t.Context())
	_, err = c.Scan(t.Context(), v2.ID, v2.Version, 0)
	wantError(t, err, ErrVersionNotFound)
	if n := uploadsIn(t, fs, v1.ID); n != 3 {
		t.Errorf("%d uploads are there while version 2 is read, want 3", n)
	}
	numbers, err := drain(r.Records())
	if err != nil {
		t.Error(err)
	}
	wantNumbers(t, numbers, 1, 2)
	r.Release()
	waitFor(t, "the files to go", func() bool { return uploadsIn(t, fs, v1.ID) == 1 })
	wantNumbers(t, mustGet(t, c, v3), 3)
	mustClose(t, c)
	c = mustOpen(t, o)
	wantNumbers(t, mustGet(t, c, v3), 3)
	wantNumbers(t, mustGet(t, c, mustPut(t, c, "d", ModeAppend, 4)), 3, 4)
}

func uploadsIn(t *testing.T, fs vfs.FS, id string) int {
	t.Helper()
	names, err := fs.List("data/d/" + id + "/s")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func exists(fs vfs.FS, name string) bool {
	_, err := fs.List(name)
	return err == nil
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestAbort leaves nothing, wherever the upload stands.
func TestAbort(t *testing.T) {
	for _, name := range []string{"new", "new.parquet", "there"} {
		fs := vfs.NewMemory()
		c := mustOpen(t, testOptions(fs))
		d := mustPut(t, c, "there", ModeCreate, 1)
		u, err := c.NewUpload(t.Context(), UploadRequest{Path: []string{name}, Schema: testSchema})
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Write(testRecord(testSchema, 2)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := u.Abort(); err != nil {
				t.Error(err)
			}
		}
		if _, err := u.Commit(t.Context()); err == nil {
			t.Error("an aborted upload can be committed")
		}
		waitFor(t, "the files to go", func() bool {
			ids, err := fs.List("data/d")
			return err == nil && slices.Equal(ids, []string{d.ID}) && uploadsIn(t, fs, d.ID) == 1
		})
	}
}

func TestTwoServers(t *testing.T) {
	for _, fs := range []vfs.FS{vfs.OS{}, vfs.NewMemory()} {
		o := testOptions(fs)
		if fs == (vfs.OS{}) {
			o.Dir = t.TempDir()
		}
		o.ClusterUID = "one"
		c := mustOpen(t, o)
		_, err := Open(t.Context(), o)
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), o.Dir) {
			t.Errorf("a second server: %v", err)
		}
		_, err = check(t.Context(), fs, o.Dir)
		wantError(t, err, ErrInUse)
		mustClose(t, c)

		o.ClusterUID = "two"
		_, err = Open(t.Context(), o)
		wantError(t, err, ErrForeign)
		o.ClusterUID = "one"
		mustClose(t, mustOpen(t, o))
	}
}

func TestClosed(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	d := mustPut(t, c, "d", ModeCreate, 1)
	u, err := c.NewUpload(t.Context(), UploadRequest{Path: []string{"d"}, Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, c)
	_, err = u.Commit(t.Context())
	wantError(t, err, ErrClosed)
	_, err = put(t.Context(), c, "e", ModeCreate, 1)
	wantError(t, err, ErrClosed)
	_, err = get(t.Context(), c, d)
	wantError(t, err, ErrClosed)
	wantError(t, c.Drop(t.Context(), "d", ""), ErrClosed)
}

func TestMetrics(t *testing.T) {
	o := testOptions(vfs.NewMemory())
	registry := prometheus.NewPedanticRegistry()
	o.Registerer = registry
	c := mustOpen(t, o)
	mustPut(t, c, "a", ModeCreate, 1)
	mustPut(t, c, "b", ModeCreate, 1)
	want := `
# HELP flightserver_datasets Datasets that the catalog names.
# TYPE flightserver_datasets gauge
flightserver_datasets 2
# HELP flightserver_store_segments_total Segments that were written.
# TYPE flightserver_store_segments_total counter
flightserver_store_segments_total 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "flightserver_datasets", "flightserver_store_segments_total"); err != nil {
		t.Error(err)
	}
}

func TestParseType(t *testing.T) {
	for text, want := range map[string]string{
		"int64": "int64", " utf8 ": "utf8", "timestamp[us, UTC]": "timestamp[us, tz=UTC]", "timestamp[ns]": "timestamp[ns]",
		"decimal128(10, 2)": "decimal(10, 2)", "fixed_size_binary(16)": "fixed_size_binary[16]", "time32[ms]": "time32[ms]",
		"list<float64>": "list<item: float64, nullable>", "fixed_size_list<float32>(3)": "fixed_size_list<item: float32, nullable>[3]",
		"struct<a: int64, b: list<utf8>>": "struct<a: int64 nullable, b: list<item: utf8, nullable> nullable>",
		"map<utf8, int64>":                "map<utf8, int64, items_nullable>", "dictionary<int32, utf8>": "dictionary<values=utf8, indices=int32, ordered=false>",
		"": "", "int65": "", "list<int64": "", "int64 int64": "", "timestamp[fortnight]": "", "time32[ns]": "", "decimal128(99, 2)": "",
		"fixed_size_binary(0)": "", "dictionary<utf8, utf8>": "", "list<>": "", "struct<a>": "", strings.Repeat("list<", 1000): "",
	} {
		got, err := ParseType(text)
		switch {
		case want == "" && !errors.Is(err, ErrUnsupportedType):
			t.Errorf("%s: %v, %v, want an error", quote(text), got, err)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%s: %v, %v, want %s", quote(text), got, err, want)
		}
	}
}
