package store

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// segmentTypes are of columns that decoders treat differently.
var segmentTypes = []struct {
	t      arrow.DataType
	values string
}{
	{arrow.PrimitiveTypes.Int64, `[1, null, 3]`},
	{arrow.FixedWidthTypes.Boolean, `[true, null]`},
	{arrow.BinaryTypes.String, `["a", null, "bc"]`},
	{dictionary(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String), `["a", null, "a"]`},
	{arrow.ListOf(arrow.PrimitiveTypes.Int16), `[[1, null], null, []]`},
	{arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int8, Nullable: true}), `[{"x": 1}, null]`},
	{&arrow.Decimal128Type{Precision: 20, Scale: 2}, `["1.25", null]`},
}

// recordOf is a record of one column of a type.
func recordOf(t testing.TB, dt arrow.DataType, values string) arrow.RecordBatch {
	t.Helper()
	a, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(values))
	if err != nil {
		t.Fatal(err)
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "f", Type: dt, Nullable: true}}, nil)
	return array.NewRecordBatch(schema, []arrow.Array{a}, int64(a.Len()))
}

// FuzzArrowSegment reads segments of which the checksums are right, and nothing
// else need be.
func FuzzArrowSegment(f *testing.F) {
	for kind, s := range segmentTypes {
		for _, c := range []Compression{CompressionNone, CompressionLZ4} {
			var file bytes.Buffer
			rec := recordOf(f, s.t, s.values)
			e, err := newArrowEncoder(&file, rec.Schema(), c)
			if err != nil {
				f.Fatal(err)
			}
			if err := e.Write(Batch{Record: rec}); err != nil {
				f.Fatal(err)
			}
			sidecar, err := e.Close()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(kind), sidecar, file.Bytes())
		}
	}
	s := fuzzStore(f)
	f.Fuzz(func(t *testing.T, kind uint8, sidecar, segment []byte) {
		x, err := decodeIndex(sidecar, crc32.Checksum(sidecar, castagnoli))
		if err != nil {
			return // FuzzIndex looks at these
		}
		for i, m := range x.messages {
			if m.end() <= int64(len(segment)) {
				x.messages[i].sum = crc32.Checksum(segment[m.offset:m.end()], castagnoli)
			}
		}
		readForged(t, s, kind, FormatArrow, x.stats.Rows, x.size(), x.encode(), segment)
	})
}

// FuzzParquetSegment does the same of Parquet.
func FuzzParquetSegment(f *testing.F) {
	for kind, s := range segmentTypes {
		for _, c := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Zstd} {
			var file bytes.Buffer
			rec := recordOf(f, s.t, s.values)
			w, err := pqarrow.NewFileWriter(rec.Schema(), &file,
				parquet.NewWriterProperties(parquet.WithCompression(c), parquet.WithVersion(parquet.V2_LATEST)),
				pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
			if err == nil {
				err = errors.Join(w.Write(rec), w.Close())
			}
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(kind), uint8(rec.NumRows()), file.Bytes())
		}
	}
	s := fuzzStore(f)
	f.Fuzz(func(t *testing.T, kind, rows uint8, segment []byte) {
		sums := &summingWriter{w: io.Discard}
		_, _ = sums.Write(segment) // it takes all
		readForged(t, s, kind, FormatParquet, int64(rows), int64(len(segment)), sums.sidecar().encode(), segment)
	})
}

func fuzzStore(f *testing.F) *Store {
	f.Helper()
	s, err := Open(Options{
		Dir: "data", FS: vfs.NewMemory(), Clock: testclock.NewFakeClock(time.Unix(1e9, 0)), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	return s
}

// readForged reads a segment as records and as messages. It may be damaged, or
// be read; anything else is not to happen.
func readForged(t *testing.T, s *Store, kind uint8, format Format, rows, size int64, sidecar, segment []byte) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "f", Type: segmentTypes[int(kind)%len(segmentTypes)].t, Nullable: true}}, nil)
	of := Segment{Upload: RandomID(), Rows: rows, Bytes: size, Sum: crc32.Checksum(sidecar, castagnoli)}
	d := forged(t, s, format, schema, of, sidecar, segment)
	defer func() {
		if err := s.Remove(t.Context(), d.id); err != nil {
			t.Error(err)
		}
		s.forget(d)
	}()
	scan := mustScan(t, d)
	for {
		if _, err := scan.Next(); err != nil {
			wantDamageOrEnd(t, err)
			break
		}
	}
	records := mustScan(t, d).Records()
	for records.Next() {
	}
	wantDamageOrEnd(t, records.Err())
}

// forged makes a dataset of one segment of which nothing need be right.
func forged(t *testing.T, s *Store, f Format, schema *arrow.Schema, of Segment, sidecar, segment []byte) *Dataset {
	t.Helper()
	d := s.NewDataset(RandomID(), f)
	w, err := s.segments.Create(t.Context(), of.name(d.id))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(segment); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(sidecar); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addLocked(&version{number: 1, schema: schema, partitions: []part{{segments: []Segment{of}}}, generation: &generation{}})
	return d
}

func wantDamageOrEnd(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v is not %v", err, ErrCorrupt)
	}
}
