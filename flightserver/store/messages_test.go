package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// numbers is a record of int64s that begin at first.
func numbers(first, rows int) arrow.RecordBatch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for i := range rows {
		b.Append(int64(first + i))
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	return array.NewRecordBatch(schema, []arrow.Array{b.NewArray()}, int64(rows))
}

// messageOf is a record as a client sends it.
func messageOf(t *testing.T, rec arrow.RecordBatch) Batch {
	t.Helper()
	e := newMessageEncoder(rec.Schema(), boundless{memory.DefaultAllocator})
	if err := e.encode(rec); err != nil {
		t.Fatal(err)
	}
	m := e.take()
	return Batch{Record: rec, Header: m.Header, Body: m.Body, AppMetadata: fmt.Append(nil, "batch of ", rec.NumRows())}
}

func mustScan(t *testing.T, d *Dataset) *Scan {
	t.Helper()
	snapshot, err := d.Acquire(d.Newest().Number)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := snapshot.Scan(t.Context(), "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(scan.Release)
	return scan
}

func mustCommit(t *testing.T, d *Dataset, batches ...Batch) {
	t.Helper()
	w, err := d.NewWriter(batches[0].Record.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range batches {
		if i%2 == 1 { // every other body is received into the store's own room
			room := w.Buffer(len(b.Body))
			copy(room, b.Body)
			b.Body = room
		}
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(t.Context(), "upload", true); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t *testing.T, d *Dataset, upload string, b Batch) {
	t.Helper()
	w, err := d.NewWriter(b.Record.Schema())
	if err == nil {
		err = w.Write(t.Context(), b)
	}
	if err == nil {
		_, err = w.Commit(t.Context(), upload, false)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// onDisk opens a store in a directory of the operating system.
func onDisk(t *testing.T) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(Options{
		Dir: dir, FS: vfs.OS{}, Clock: testclock.NewFakeClock(time.Unix(1e9, 0)), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, dir
}

// TestEncodedFromRoom writes records whose values lie in the store's own room,
// though they are encoded anew, in uploads that take one another's memory.
func TestEncodedFromRoom(t *testing.T) {
	s, _ := onDisk(t)
	schema := numbers(0, 0).Schema()
	for upload := range 6 {
		d := s.NewDataset(RandomID(), FormatArrow)
		w, err := d.NewWriter(schema)
		if err != nil {
			t.Fatal(err)
		}
		batches, rows := 9, 300_000+100_000*upload // fits into a message, or must be split
		for i := range batches {
			room := w.Buffer(8 * rows)
			values := arrow.Int64Traits.CastFromBytes(room)
			for j := range values {
				values[j] = int64(upload + i*rows + j)
			}
			data := array.NewData(arrow.PrimitiveTypes.Int64, rows, []*memory.Buffer{nil, memory.NewBufferBytes(room)}, nil, 0, 0)
			rec := array.NewRecordBatch(schema, []arrow.Array{array.NewInt64Data(data)}, int64(rows))
			if err := w.Write(t.Context(), Batch{Record: rec}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Commit(t.Context(), "upload", true); err != nil {
			t.Fatal(err)
		}
		next := int64(upload)
		for records := mustScan(t, d).Records(); records.Next(); {
			for _, n := range records.RecordBatch().Column(0).(*array.Int64).Int64Values() {
				if n != next {
					t.Fatalf("upload %d: row %d came back as %d", upload, next-int64(upload), n)
				}
				next++
			}
		}
		if got := int(next) - upload; got != batches*rows {
			t.Errorf("upload %d: %d rows came back of %d", upload, got, batches*rows)
		}
	}
}

// TestPassThrough writes more than the staging holds, and wants each message
// back byte by byte, in a file that other programs read.
func TestPassThrough(t *testing.T) {
	s, dir := onDisk(t)
	d := s.NewDataset(RandomID(), FormatArrow)
	var want []Batch
	for i := range 12 {
		want = append(want, messageOf(t, numbers(i, 150_000+i)))
	}
	mustCommit(t, d, want...)

	scan := mustScan(t, d)
	for i, b := range want {
		m, err := scan.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Header, b.Header) || !bytes.Equal(m.Body, b.Body) || !bytes.Equal(m.AppMetadata, b.AppMetadata) || m.Rows != b.Record.NumRows() {
			t.Errorf("message %d came back as another", i)
		}
	}
	if _, err := scan.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}

	found := readFiles(t, dir, d)
	if len(found) != len(want) {
		t.Fatalf("the file has %d records, want %d", len(found), len(want))
	}
	for i, rec := range found {
		if !array.RecordEqual(rec, want[i].Record) {
			t.Errorf("record %d of the file is %v", i, rec)
		}
	}
	for i, m := range mustIndex(t, d).messages {
		if (m.offset+int64(m.prefix))%bodyAlignment != 0 {
			t.Errorf("body %d is not aligned", i)
		}
	}
}

func mustIndex(t *testing.T, d *Dataset) *index {
	t.Helper()
	s := d.newest.Load().segments()[0]
	local, err := d.store.segments.Ensure(t.Context(), s.name(d.id))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	x, err := decodeIndex(local.Sidecar, s.Sum)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func onlySegment(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "d/*/s/*/0"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	return files[0]
}

// TestDiskFails cuts a segment under its mapping, whose pages are then faults.
func TestDiskFails(t *testing.T) {
	s, dir := onDisk(t)
	d := s.NewDataset(RandomID(), FormatArrow)
	mustCommit(t, d, messageOf(t, numbers(0, 10_000)), messageOf(t, numbers(1, 10_000)))
	scan := mustScan(t, d)
	if _, err := scan.Next(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(onlySegment(t, dir), 81_920); err != nil {
		t.Fatal(err)
	}
	if _, err := scan.Next(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "message 1") {
		t.Errorf("reading what is gone: %v", err)
	}
}

// TestRetainedMemory reads a message after its scan ended, its dataset was
// dropped and its store was closed.
func TestRetainedMemory(t *testing.T) {
	s := openStore(t, Options{})
	d := s.NewDataset(RandomID(), FormatArrow)
	want := messageOf(t, numbers(0, 1000))
	mustCommit(t, d, want)
	scan := mustScan(t, d)
	m, err := scan.Next()
	if err != nil {
		t.Fatal(err)
	}
	m.Memory.Retain()
	for { // the last call lets go of the segment
		if _, err := scan.Next(); err != nil {
			break
		}
	}
	d.Drop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Body, want.Body) {
		t.Error("the bytes changed while they were held")
	}
	m.Memory.Release()
	if bytes.Equal(m.Body, want.Body) {
		t.Error("the mapping was not closed by its last holder")
	}
}

// TestLargeRecord is split where stock clients would refuse its message; what
// came with it comes back once.
func TestLargeRecord(t *testing.T) {
	d := openStore(t, Options{}).NewDataset(RandomID(), FormatArrow)
	rec := numbers(0, 1<<20)
	mustCommit(t, d, Batch{Record: rec, AppMetadata: []byte("once")})
	scan := mustScan(t, d)
	metadata := 0
	for {
		m, err := scan.Next()
		if err != nil {
			break
		}
		if len(m.Body) > 4<<20 {
			t.Errorf("a body of %d bytes", len(m.Body))
		}
		if m.AppMetadata != nil {
			metadata++
		}
	}
	if metadata != 1 {
		t.Errorf("app_metadata came back %d times", metadata)
	}
	wantRecords(t, rec.Schema(), readAll(t, d, 1), []arrow.RecordBatch{rec})
}

func TestPrune(t *testing.T) {
	d := openStore(t, Options{}).NewDataset(RandomID(), FormatArrow)
	mustCommit(t, d, messageOf(t, numbers(0, 10)), messageOf(t, numbers(100, 20)), messageOf(t, numbers(200, 30)))
	scan := mustScan(t, d)
	scan.Prune(func(s Stats) bool {
		lo, hi, ok := s.Columns[0].Ints()
		return !ok || (lo <= 110 && 110 <= hi)
	})
	records := scan.Records()
	if !records.Next() || records.RecordBatch().NumRows() != 20 || records.Next() {
		t.Errorf("not the one batch that can have 110: %v", records.Err())
	}
}

// TestPruneWide: nobody is asked about batches of too many columns for bounds.
func TestPruneWide(t *testing.T) {
	fields := make([]arrow.Field, maxStatsColumns+1)
	columns := make([]arrow.Array, len(fields))
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprint("n", i), Type: arrow.Null, Nullable: true}
		columns[i] = array.NewNull(3)
	}
	d := openStore(t, Options{}).NewDataset(RandomID(), FormatArrow)
	mustCommit(t, d, Batch{Record: array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 3)})
	scan := mustScan(t, d)
	scan.Prune(func(s Stats) bool {
		t.Errorf("asked about %d columns", len(s.Columns))
		return false
	})
	if records := scan.Records(); !records.Next() || records.RecordBatch().NumRows() != 3 {
		t.Errorf("the batch did not come: %v", records.Err())
	}
}

func TestStats(t *testing.T) {
	long := strings.Repeat("x", maxBoundBytes)
	ints := func(lo, hi int64) func(ColumnStats) string {
		return func(c ColumnStats) string {
			if l, h, ok := c.Ints(); !ok || l != lo || h != hi {
				return fmt.Sprint(l, h, ok)
			}
			return ""
		}
	}
	texts := func(lo, hi string) func(ColumnStats) string {
		return func(c ColumnStats) string {
			if string(c.Min) != lo || string(c.Max) != hi {
				return fmt.Sprintf("%q %q", c.Min, c.Max)
			}
			return ""
		}
	}
	for name, tc := range map[string]struct {
		t      arrow.DataType
		values string
		nulls  int64
		check  func(ColumnStats) string
	}{
		"int8":      {arrow.PrimitiveTypes.Int8, `[null, 5, -128, 127, null, 1, 2, 3, 4, 5]`, 2, ints(-128, 127)},
		"int64":     {arrow.PrimitiveTypes.Int64, `[3, 1, 2]`, 0, ints(1, 3)},
		"timestamp": {timestamp(arrow.Second, ""), `[-7, null]`, 1, ints(-7, -7)},
		"uint64": {arrow.PrimitiveTypes.Uint64, `[18446744073709551615, 1]`, 0, func(c ColumnStats) string {
			if lo, hi, ok := c.Uints(); !ok || lo != 1 || hi != math.MaxUint64 {
				return fmt.Sprint(lo, hi, ok)
			}
			return ""
		}},
		"float64": {arrow.PrimitiveTypes.Float64, `[1.5, -2.5, 0]`, 0, func(c ColumnStats) string {
			if lo, hi, ok := c.Floats(); !ok || lo != -2.5 || hi != 1.5 {
				return fmt.Sprint(lo, hi, ok)
			}
			return ""
		}},
		"bool":      {arrow.FixedWidthTypes.Boolean, `[true, null]`, 1, func(c ColumnStats) string { return texts(string(sortedUint(1)), string(sortedUint(1)))(c) }},
		"text":      {arrow.BinaryTypes.String, `["b", null, "", "abcdefghi"]`, 1, texts("", "b")},
		"long text": {arrow.BinaryTypes.String, `["` + long + `yz"]`, 0, texts(long, long[:maxBoundBytes-1]+"y")},
		"all null":  {arrow.PrimitiveTypes.Int32, `[null, null]`, 2, texts("", "")},
		"nested":    {arrow.ListOf(arrow.PrimitiveTypes.Int8), `[[1], null]`, 1, texts("", "")},
		"decimal128": {&arrow.Decimal128Type{Precision: 38}, `["-5", "7"]`, 0, func(c ColumnStats) string {
			if lo, hi, ok := c.Decimals(); !ok || lo.ToString(0) != "-5" || hi.ToString(0) != "7" {
				return fmt.Sprint(lo, hi, ok)
			}
			return ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a, _, err := array.FromJSON(memory.DefaultAllocator, tc.t, strings.NewReader(tc.values))
			if err != nil {
				t.Fatal(err)
			}
			s := columnStats(a)
			if problem := tc.check(s); problem != "" || s.Nulls != tc.nulls {
				t.Errorf("%d nulls, bounds %s", s.Nulls, problem)
			}
		})
	}
}

// TestStatsNaN: bounds would lie about a value that no comparison finds.
func TestStatsNaN(t *testing.T) {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.AppendValues([]float64{1, math.NaN(), 3}, nil)
	if s := columnStats(b.NewArray()); s.Min != nil || s.Max != nil {
		t.Errorf("bounds %x and %x around NaN", s.Min, s.Max)
	}
}

func FuzzIndex(f *testing.F) {
	small := index{head: span{length: 8}, tail: span{length: 9}}
	f.Add(small.encode())
	full := small
	full.columns = 1
	full.messages = []indexed{
		{span: span{length: 64}, prefix: 64, header: 40, dictionary: true},
		{span: span{length: 128}, prefix: 64, header: 40, appMetadata: []byte("m"), stats: Stats{Rows: 3, Columns: []ColumnStats{{Nulls: 1, Min: []byte("a"), Max: []byte("b")}}}},
	}
	f.Add(full.encode())
	f.Add([]byte(indexMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := decodeIndex(b, crc32.Checksum(b, castagnoli))
		switch {
		case err != nil && !errors.Is(err, ErrCorrupt):
			t.Errorf("%v is not %v", err, ErrCorrupt)
		case err == nil && !bytes.Equal(x.encode(), b):
			t.Errorf("%x is read as %x", b, x.encode())
		}
	})
}
