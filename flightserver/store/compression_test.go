package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/time/rate"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// noise is a record of int64s that no codec makes smaller.
func noise(rows int) arrow.RecordBatch {
	random := rand.New(rand.NewPCG(1, 2))
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for range rows {
		b.Append(random.Int64())
	}
	return array.NewRecordBatch(numbers(0, 0).Schema(), []arrow.Array{b.NewArray()}, int64(rows))
}

// words is a record of a dictionary's values.
func words(values ...string) arrow.RecordBatch {
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	b := array.NewDictionaryBuilder(memory.DefaultAllocator, t).(*array.BinaryDictionaryBuilder)
	for _, v := range values {
		if err := b.AppendString(v); err != nil {
			panic(err)
		}
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "word", Type: t, Nullable: true}}, nil)
	return array.NewRecordBatch(schema, []arrow.Array{b.NewArray()}, int64(len(values)))
}

// TestCompression reads compressed segments as messages, as records, and with
// the library's own reader of files.
func TestCompression(t *testing.T) {
	for name, tc := range map[string]struct {
		records []arrow.RecordBatch
		atMost  float64 // of the bytes that are there without compression
	}{
		"Numbers":      {[]arrow.RecordBatch{numbers(0, 10_000), numbers(5, 10_000)}, 0.7},
		"Noise":        {[]arrow.RecordBatch{noise(100_000)}, 1.001},
		"Large":        {[]arrow.RecordBatch{numbers(0, 1<<20)}, 0.7},
		"Large noise":  {[]arrow.RecordBatch{noise(1 << 20)}, 1.001},
		"No rows":      {[]arrow.RecordBatch{numbers(0, 0)}, 2},
		"Dictionary":   {[]arrow.RecordBatch{words("a", "b", "a")}, 2},
		"Its delta":    {[]arrow.RecordBatch{words("a", "b"), words("a", "b", "c")}, 2},
		"Another one":  {[]arrow.RecordBatch{words("a", "b"), words("c", "b")}, 2},
		"Little bytes": {[]arrow.RecordBatch{numbers(0, 1)}, 1.5},
	} {
		for _, c := range []Compression{CompressionLZ4, CompressionZSTD} {
			t.Run(name+" "+string(c), func(t *testing.T) {
				s, dir := onDisk(t)
				plain, d := s.NewDataset(RandomID(), FormatArrow), s.NewDataset(RandomID(), FormatArrow)
				d.SetPolicy(Policy{Compression: c})
				var batches []Batch
				for _, rec := range tc.records {
					batches = append(batches, Batch{Record: rec})
				}
				mustCommit(t, plain, batches...)
				mustCommit(t, d, batches...)
				if got, most := d.Newest().Bytes, int64(tc.atMost*float64(plain.Newest().Bytes)); got > most {
					t.Errorf("%d bytes, want at most %d", got, most)
				}
				wantMessages(t, d)
				wantRecords(t, tc.records[0].Schema(), readAll(t, d, 1), tc.records)
				if !slices.Equal(valuesOf(readFiles(t, dir, d)), valuesOf(tc.records)) {
					t.Error("the library reads other values from the files")
				}
			})
		}
	}
}

// readFiles reads a dataset's segments as other programs do.
func readFiles(t *testing.T, dir string, d *Dataset) (all []arrow.RecordBatch) {
	t.Helper()
	for _, s := range d.newest.Load().segments() {
		file, err := os.Open(filepath.Join(dir, s.name(d.id)))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		reader, err := ipc.NewFileReader(file)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		for i := range reader.NumRecords() {
			rec, err := reader.RecordBatchAt(i)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, rec)
		}
	}
	return all
}

// valuesOf gives the texts of a first column's values. Files have dictionaries
// that grew, so that their records have larger ones.
func valuesOf(records []arrow.RecordBatch) (all []string) {
	for _, rec := range records {
		for i := range int(rec.NumRows()) {
			all = append(all, rec.Column(0).ValueStr(i))
		}
	}
	return all
}

// wantMessages reads a dataset's first partition as it goes over the wire.
func wantMessages(t *testing.T, d *Dataset) {
	t.Helper()
	scan := mustScan(t, d)
	for {
		m, err := scan.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || len(m.Body) > wire.MaxBodyBytes {
			t.Fatalf("a body of %d bytes, %v", len(m.Body), err)
		}
	}
}

// codecs gives the compression of each batch of a dataset's first partition.
func codecs(t *testing.T, d *Dataset) (all []Compression) {
	t.Helper()
	scan := mustScan(t, d)
	for {
		m, err := scan.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, codecOf(t, m.Header))
	}
}

// codecOf reads the BodyCompression of a record batch, whose default is LZ4.
func codecOf(t *testing.T, header []byte) Compression {
	t.Helper()
	m, err := parseMessage(header)
	if err != nil {
		t.Fatal(err)
	}
	at := tableField(header, m.header, batchCompression)
	if at == 0 {
		return CompressionNone
	}
	codec := tableField(header, at+int(binary.LittleEndian.Uint32(header[at:])), 0)
	if codec == 0 || header[codec] == 0 {
		return CompressionLZ4
	}
	return CompressionZSTD
}

// TestCompressionChanges: what is written from then on has the new one, and what
// is there stays until compaction comes to it.
func TestCompressionChanges(t *testing.T) {
	s := openStore(t, Options{MaxSegmentBytes: 1 << 20})
	d := s.NewDataset(RandomID(), FormatArrow)
	var want []Compression
	var records []arrow.RecordBatch
	for i, c := range []Compression{CompressionNone, CompressionLZ4, CompressionZSTD} {
		d.SetPolicy(Policy{Compression: c})
		for j := range 3 {
			n := 3*i + j
			rec := numbers(1000*n, 1000)
			mustAppend(t, d, fmt.Sprint("upload ", n), Batch{Record: rec})
			records, want = append(records, rec), append(want, c)
		}
	}
	if got := codecs(t, d); !slices.Equal(got, want) {
		t.Errorf("the batches are %q, want %q", got, want)
	}
	if again, err := d.Compact(t.Context(), rate.NewLimiter(rate.Inf, 1<<30)); err != nil || !again {
		t.Fatalf("compacting: %v, %v", again, err)
	}
	if got := codecs(t, d); !slices.Equal(got, []Compression{CompressionZSTD}) {
		t.Errorf("compacted, the batches are %q", got)
	}
	wantRecords(t, records[0].Schema(), readAll(t, d, d.Newest().Number), records)
}
