// Contentsum prints a checksum of what Parquet and Arrow files say, whatever
// their format, compression and division into batches: two files with the same
// columns and the same rows in the same order have the same sum.
//
//	contentsum FILE…      # a line a file: sum, number of rows, file
package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// batchRows is how many rows of a Parquet file are in memory at a time.
const batchRows = 64 << 10

func main() {
	for _, name := range os.Args[1:] {
		sum, rows, err := sumFile(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "contentsum: %s: %v\n", name, err)
			os.Exit(1)
		}
		fmt.Printf("%s %d %s\n", sum, rows, name)
	}
}

func sumFile(name string) (string, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }() // opened for reading
	if filepath.Ext(name) == ".parquet" {
		return sumParquet(f)
	}
	return sumArrow(f)
}

func sumParquet(f *os.File) (string, int64, error) {
	pf, err := file.NewParquetReader(f)
	if err != nil {
		return "", 0, err
	}
	pr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: batchRows}, memory.DefaultAllocator)
	if err != nil {
		return "", 0, err
	}
	batches, err := pr.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		return "", 0, err
	}
	defer batches.Release()
	s := newSum(batches.Schema())
	for batches.Next() {
		s.add(batches.RecordBatch())
	}
	if err := batches.Err(); err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	return s.result()
}

func sumArrow(f *os.File) (string, int64, error) {
	batches, err := ipc.NewFileReader(f)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = batches.Close() }() // nothing was written
	s := newSum(batches.Schema())
	for i := range batches.NumRecords() {
		batch, err := batches.RecordBatchAt(i)
		if err != nil {
			return "", 0, err
		}
		s.add(batch)
		batch.Release()
	}
	return s.result()
}

// sum takes each column on its own, so that it does not matter where a batch
// ends.
type sum struct {
	schema  *arrow.Schema
	columns []hash.Hash
	rows    int64
}

func newSum(schema *arrow.Schema) *sum {
	s := &sum{schema: schema, columns: make([]hash.Hash, schema.NumFields())}
	for i, field := range schema.Fields() {
		s.columns[i] = sha256.New()
		writeText(s.columns[i], field.Name)
		writeText(s.columns[i], field.Type.String())
	}
	return s
}

func (s *sum) add(batch arrow.RecordBatch) {
	s.rows += batch.NumRows()
	for i, column := range batch.Columns() {
		addColumn(s.columns[i], column)
	}
}

// addColumn writes each value as text. A byte before it tells a null from the
// text that stands for one.
func addColumn(h hash.Hash, column arrow.Array) {
	for row := range column.Len() {
		if column.IsNull(row) {
			h.Write([]byte{0})
			continue
		}
		h.Write([]byte{1})
		writeText(h, column.ValueStr(row))
	}
}

func (s *sum) result() (string, int64, error) {
	all := sha256.New()
	for _, column := range s.columns {
		all.Write(column.Sum(nil))
	}
	return hex.EncodeToString(all.Sum(nil)), s.rows, nil
}

// writeText writes the length first, or "a","bc" would equal "ab","c".
func writeText(h hash.Hash, text string) {
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(text)))
	h.Write(length[:])
	h.Write([]byte(text))
}
