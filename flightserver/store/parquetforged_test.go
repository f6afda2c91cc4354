package store

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/klauspost/compress/zstd"
)

const (
	forgedRows = 128 << 10
	// bombBytes are what a forged page claims or gives, modestBytes what reading
	// it may take.
	bombBytes   = 256 << 20
	modestBytes = 32 << 20
)

// bomb is a codec whose pages give more than their headers say.
type bomb struct{ compress.Codec }

func (bomb) Encode(_, _ []byte) []byte { return bombOfZeros() }

func (bomb) EncodeLevel(_, _ []byte, _ int) []byte { return bombOfZeros() }

func bombOfZeros() []byte {
	var compressed bytes.Buffer
	w, err := zstd.NewWriter(&compressed)
	zeros := make([]byte, 1<<20)
	for n := 0; n < bombBytes && err == nil; n += len(zeros) {
		_, err = w.Write(zeros)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		panic(err) // memory is all that it needs
	}
	return compressed.Bytes()
}

// forge writes a column of zeros , a page of a MiB.
func forge(t *testing.T, codec compress.Compression) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "f", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(make([]int64, forgedRows), nil)
	rec := b.NewRecordBatch()
	defer rec.Release()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, parquet.NewWriterProperties(
		parquet.WithCompression(codec), parquet.WithDictionaryDefault(false), parquet.WithStats(false),
	), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err == nil {
		err = errors.Join(w.Write(rec), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// claiming changes the size of the first page in its header, which is a number of
// four times seven bits behind the type of the page.
func claiming(t *testing.T, file []byte, size uint32) []byte {
	t.Helper()
	const at = len("PAR1") + 3 // behind the type's field and value, and the size's field
	zigzag := size << 1
	field := file[at : at+4]
	if field[2]&0x80 == 0 || field[3]&0x80 != 0 {
		t.Fatalf("the header is %x", file[:16])
	}
	for i := range field {
		field[i] = byte(zigzag>>(7*i))&0x7f | 0x80
	}
	field[3] &^= 0x80
	return file
}

// TestForgedParquet: files whose checksums are right and whose contents were
// never written so are damage, at a modest price.
func TestForgedParquet(t *testing.T) {
	whole := forge(t, compress.Codecs.Zstd)
	plain := compress.Codecs.Zstd
	own := must(compress.GetCodec(plain))
	compress.RegisterCodec(plain, bomb{own})
	exploding := forge(t, plain)
	compress.RegisterCodec(plain, own)
	for name, tc := range map[string]struct {
		file []byte
		rows int64
		want string // what the damage is called; none: there is none
	}{
		"whole":             {file: whole, rows: forgedRows},
		"gives more":        {file: exploding, rows: forgedRows, want: "decompressed size exceeds"},
		"claims more":       {file: claiming(t, forge(t, plain), 1<<27-1), rows: forgedRows, want: "page"},
		"claims less":       {file: claiming(t, forge(t, plain), 100), rows: forgedRows, want: "page"},
		"more rows":         {file: whole, rows: forgedRows - 1, want: "131072 rows, 131071"},
		"fewer rows":        {file: whole, rows: forgedRows + 1, want: "1 of 131073 rows are missing"},
		"another algorithm": {file: forge(t, compress.Codecs.Gzip), rows: forgedRows, want: "GZIP"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			rows, err := readForgedParquet(t, tc.file, tc.rows)
			runtime.ReadMemStats(&after)
			if tc.want == "" && (err != nil || rows != tc.rows) {
				t.Errorf("%d rows came, and %v", rows, err)
			}
			if tc.want != "" && (rows > 0 || !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%d rows came, and %v, which does not say %q", rows, err, tc.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > modestBytes {
				t.Errorf("reading took %d bytes", took)
			}
		})
	}
}

func readForgedParquet(t *testing.T, file []byte, rows int64) (int64, error) {
	t.Helper()
	s := openStore(t, Options{})
	sums := &summingWriter{w: io.Discard}
	_, _ = sums.Write(file) // it takes all
	sidecar := sums.sidecar().encode()
	of := Segment{Upload: RandomID(), Rows: rows, Bytes: int64(len(file)), Sum: crc32.Checksum(sidecar, castagnoli)}
	d := forged(t, s, FormatParquet, arrow.NewSchema([]arrow.Field{{Name: "f", Type: arrow.PrimitiveTypes.Int64}}, nil), of, sidecar, file)
	return count(mustScan(t, d))
}
