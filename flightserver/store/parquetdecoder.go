package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

const (
	// A record that is read has about this size, within bounds of its rows.
	targetRecordBytes = 2 << 20
	minRecordRows     = 1 << 10
	maxRecordRows     = 64 << 10

	// A page has about a MiB where there is more of a column. It lies beside what it
	// was decompressed from, both in buffers that may be twice as large.
	usualPageBytes = 1 << 20
	pageBuffers    = 4

	// maxLanes bounds what one reader takes of the processors.
	maxLanes = 4
)

// parquetDecoder reads a Parquet file a row group at a time, in records of
// moderate size, and gives each column the type it was written with. Decoding is
// most of the work of a read, so columns are decoded side by side, in lanes. The
// library could do that as well; but a panic in a goroutine of its own could not
// be recovered from.
type parquetDecoder struct {
	file    *file.Reader
	arrow   *pqarrow.FileReader // of the file
	schema  *arrow.Schema
	room    Room
	buffers *recycler // in the room
	fields  []parquetField
	rows    int64 // of a record
	ahead   int64 // bytes that were taken for what is read ahead
	lanes   []*parquetLane
}

// newParquetDecoder looks at a file of so many rows, which begin begins to
// decode. The caller closes the decoder.
func newParquetDecoder(r *verifiedReader, rows int64, schema *arrow.Schema, room Room) (_ *parquetDecoder, err error) {
	defer recovered(&err, "opening Parquet")
	d := &parquetDecoder{schema: schema, room: room, buffers: &recycler{Allocator: room}}
	properties := readerProperties(r.size, d.allocator())
	if d.file, err = file.NewParquetReader(r.section(), file.WithReadProps(properties)); err != nil {
		return nil, err
	}
	if properties.MaxUncompressedPageSize, err = checkClaims(d.file, rows); err == nil {
		err = d.look()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *parquetDecoder) look() (err error) {
	if err := checkStoredSchema(d.file); err != nil {
		return err
	}
	if d.arrow, err = pqarrow.NewFileReader(d.file, pqarrow.ArrowReadProperties{}, d.allocator()); err != nil {
		return err
	}
	if d.fields, err = parquetFields(d.file, d.arrow.Manifest); err != nil {
		return err
	}
	if len(d.fields) != d.schema.NumFields() {
		return fmt.Errorf("%w: %d columns, the dataset has %d", ErrCorrupt, len(d.fields), d.schema.NumFields())
	}
	d.rows = recordRows(d.fields, d.file.NumRows())
	d.arrow.Props.BatchSize = d.rows
	return nil
}

func (d *parquetDecoder) allocator() memory.Allocator { return boundedAllocator{d.buffers} }

// needs is about the memory that decoding takes: a page of each column and what
// is read ahead of it, and a record that is used, one that is decoded ahead and
// one that is encoded.
func (d *parquetDecoder) needs() int64 {
	pages := int64(0)
	for _, f := range d.fields {
		pages += int64(len(f.leaves)) * pageBuffers * min(d.chunkBytes(f), usualPageBytes)
	}
	record := min(bytesOf(d.fields), d.rows*rowBytes(d.fields, d.file.NumRows()))
	return pages + d.aheadBytes() + 3*record
}

// aheadBytes is what the library reads ahead into buffers of its own, and what
// text has beside its buffers.
func (d *parquetDecoder) aheadBytes() (total int64) {
	for _, f := range d.fields {
		total += int64(len(f.leaves)) * min(d.chunkBytes(f), blockBytes)
		if f.text != nil {
			total += d.rows * textPageBytes
		}
	}
	return total
}

// chunkBytes is the usual size of a column of a row group.
func (d *parquetDecoder) chunkBytes(f parquetField) int64 {
	return f.encoded / int64(max(1, len(f.leaves)*d.file.NumRowGroups()))
}

// begin has the lanes decode.
func (d *parquetDecoder) begin() (err error) {
	defer recovered(&err, "opening Parquet")
	for _, share := range shareFields(d.fields, min(maxLanes, runtime.GOMAXPROCS(0))) {
		lane, err := newParquetLane(d.arrow, share, d.allocator())
		if err != nil {
			return err
		}
		d.lanes = append(d.lanes, lane)
	}
	d.ahead = d.aheadBytes()
	d.room.Take(d.ahead)
	return nil
}

// Next gives a record, which the caller releases, or io.EOF.
func (d *parquetDecoder) Next() (_ arrow.RecordBatch, err error) {
	defer recovered(&err, "reading Parquet")
	if len(d.lanes) == 0 {
		return nil, io.EOF
	}
	columns := make([]arrow.Array, d.schema.NumFields())
	rows := int64(-1)
	for _, lane := range d.lanes {
		decoded, err := lane.next()
		if err != nil {
			return nil, err
		}
		defer decoded.release()
		for i, field := range lane.fields {
			column := decoded[i]
			if rows < 0 {
				rows = int64(column.Len())
			}
			if int64(column.Len()) != rows {
				return nil, fmt.Errorf("%w: columns of %d and %d rows", ErrCorrupt, rows, column.Len())
			}
			columns[field.index] = column
		}
	}
	return restore(columns, rows, d.schema)
}

func (d *parquetDecoder) Close() error {
	errs := []error{d.file.Close()}
	for _, lane := range d.lanes {
		errs = append(errs, lane.close())
	}
	d.buffers.close()
	d.room.Take(-d.ahead)
	return errors.Join(errs...)
}

// parquetField is a column of a schema, which in Parquet is one or, where it is
// nested, several.
type parquetField struct {
	index   int // in the schema
	leaves  []int
	encoded int64          // bytes, decompressed
	bytes   int64          // decoded, about
	text    arrow.DataType // nil: the library decodes it
}

func parquetFields(f *file.Reader, manifest *pqarrow.SchemaManifest) ([]parquetField, error) {
	fields := make([]parquetField, len(manifest.Fields))
	for i := range fields {
		field := &manifest.Fields[i]
		fields[i].index = i
		fields[i].leaves = appendLeaves(nil, field)
		if isTextColumn(f, field) {
			fields[i].text = field.Field.Type
		}
		if err := fields[i].measure(f, field.Field.Type.ID() == arrow.DICTIONARY); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func appendLeaves(leaves []int, field *pqarrow.SchemaField) []int {
	if field.IsLeaf() {
		leaves = append(leaves, field.ColIndex)
	}
	for i := range field.Children {
		leaves = appendLeaves(leaves, &field.Children[i])
	}
	return leaves
}

// measure adds up the sizes of a column. Values that repeat are small in a file
// only: decoded, each has its own, unless the dictionary stays one.
func (p *parquetField) measure(f *file.Reader, dictionary bool) error {
	for i := range f.NumRowGroups() {
		group := f.MetaData().RowGroup(i)
		for _, leaf := range p.leaves {
			chunk, err := group.ColumnChunk(leaf)
			if err != nil {
				return err
			}
			encoded, width := chunk.TotalUncompressedSize(), chunk.Type().ByteSize()
			if dictionary {
				width = arrow.Int32SizeBytes
			}
			p.encoded += encoded
			p.bytes += max(encoded, chunk.NumValues()*int64(width))
		}
	}
	return nil
}

// shareFields gives each of at most n lanes about as many bytes; one lane where
// there are few.
func shareFields(fields []parquetField, n int) [][]parquetField {
	total := bytesOf(fields)
	n = int(min(int64(n), max(1, total/targetRecordBytes)))
	shares, filled := make([][]parquetField, n), make([]int64, n)
	largestFirst := slices.SortedStableFunc(slices.Values(fields), func(a, b parquetField) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, field := range largestFirst {
		least := slices.Index(filled, slices.Min(filled))
		shares[least] = append(shares[least], field)
		filled[least] += field.bytes
	}
	shares = slices.DeleteFunc(shares, func(s []parquetField) bool { return len(s) == 0 })
	for _, share := range shares {
		slices.SortFunc(share, func(a, b parquetField) int { return cmp.Compare(a.index, b.index) })
	}
	return shares
}

func bytesOf(fields []parquetField) (total int64) {
	for _, f := range fields {
		total += f.bytes
	}
	return total
}

// recordRows chooses the rows of a record by the size of a row.
func recordRows(fields []parquetField, rows int64) int64 {
	return min(maxRecordRows, max(minRecordRows, targetRecordBytes/rowBytes(fields, rows)))
}

func rowBytes(fields []parquetField, rows int64) int64 {
	return max(1, bytesOf(fields)/max(1, rows))
}
