package httpdata

import (
	"context"
	"io"
	"mime"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// maxRowGroupBytes bounds what the making of Parquet keeps in memory.
const maxRowGroupBytes = 32 << 20

// format is a way to write data.
type format struct {
	mediaType string
	suits     func(*arrow.Schema) bool
	write     func(context.Context, io.Writer, Data) error
}

// Media types of the formats.
const (
	streamType  = "application/vnd.apache.arrow.stream"
	fileType    = "application/vnd.apache.arrow.file"
	parquetType = "application/vnd.apache.parquet"
)

// formats stand in the order of the server's own liking.
var formats = []format{
	{streamType, func(*arrow.Schema) bool { return true }, writeStream},
	{fileType, hasNoDictionary, writeFile},
	{parquetType, fitsParquet, writeParquet},
}

// choose gives the format that an Accept header likes best of those that suit
// the schema, the first of equals.
func choose(accept string, schema *arrow.Schema) (format, bool) {
	var best format
	most := 0.0
	for _, f := range formats {
		if q := quality(accept, f.mediaType); q > most && f.suits(schema) {
			best, most = f, q
		}
	}
	return best, most > 0
}

// offers lists the media types that suit a schema.
func offers(schema *arrow.Schema) string {
	var names []string
	for _, f := range formats {
		if f.suits(schema) {
			names = append(names, f.mediaType)
		}
	}
	return strings.Join(names, ", ")
}

// quality is what an Accept header says of a media type: that of the range that
// names it most closely. No header takes everything.
func quality(accept, mediaType string) float64 {
	if strings.TrimSpace(accept) == "" {
		return 1
	}
	q, closest := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		name, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if c := closeness(name, mediaType); c > closest {
			q, closest = weight(parameters), c
		}
	}
	return q
}

// closeness tells how closely a media range names a type; -1: not at all.
func closeness(mediaRange, mediaType string) int {
	family, _, _ := strings.Cut(mediaType, "/")
	switch mediaRange {
	case mediaType:
		return 2
	case family + "/*":
		return 1
	case "*/*":
		return 0
	}
	return -1
}

func weight(parameters map[string]string) float64 {
	text, ok := parameters["q"]
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || !(q >= 0 && q <= 1) { // NaN is no weight either
		return 0
	}
	return q
}

// writeStream gives stored messages as they are.
func writeStream(ctx context.Context, w io.Writer, data Data) error {
	if stored := data.Stored(); stored != nil {
		if err := stored.Messages(ctx, func(header, body []byte) error { return writeMessage(w, header, body) }); err != nil {
			return err
		}
		_, err := w.Write(endOfStream)
		return err
	}
	records := data.Records(ctx)
	defer records.Release()
	writer := ipc.NewWriter(w, ipc.WithSchema(records.Schema()))
	return writeRecords(writer, records)
}

// recordWriter is one of Arrow's.
type recordWriter interface {
	Write(record arrow.RecordBatch) error
	Close() error
}

func writeRecords(writer recordWriter, records array.RecordReader) error {
	for records.Next() {
		if err := writer.Write(records.RecordBatch()); err != nil {
			return err
		}
	}
	if err := records.Err(); err != nil {
		return err
	}
	return writer.Close()
}

// hasNoDictionary is asked for Arrow files, which cannot replace a dictionary
// half way, as streams do.
func hasNoDictionary(schema *arrow.Schema) bool {
	for _, f := range schema.Fields() {
		if holdsDictionary(f.Type) {
			return false
		}
	}
	return true
}

func holdsDictionary(t arrow.DataType) bool {
	if extension, ok := t.(arrow.ExtensionType); ok {
		return holdsDictionary(extension.StorageType())
	}
	if t.ID() == arrow.DICTIONARY {
		return true
	}
	if nested, ok := t.(arrow.NestedType); ok {
		for _, f := range nested.Fields() {
			if holdsDictionary(f.Type) {
				return true
			}
		}
	}
	return false
}

func writeFile(ctx context.Context, w io.Writer, data Data) error {
	records := data.Records(ctx)
	defer records.Release()
	writer, err := ipc.NewFileWriter(w, ipc.WithSchema(records.Schema()))
	if err != nil {
		return err
	}
	return writeRecords(writer, records)
}

func fitsParquet(schema *arrow.Schema) bool {
	_, err := pqarrow.ToParquet(schema, nil, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	return err == nil
}

func writeParquet(ctx context.Context, w io.Writer, data Data) error {
	records := data.Records(ctx)
	defer records.Release()
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
	writer, err := pqarrow.NewFileWriter(records.Schema(), onlyWriter{w}, properties, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return err
	}
	inGroup := uint64(0)
	for records.Next() {
		record := records.RecordBatch()
		if inGroup > maxRowGroupBytes {
			writer.NewBufferedRowGroup()
			inGroup = 0
		}
		if err := writer.WriteBuffered(record); err != nil {
			return err
		}
		for _, column := range record.Columns() {
			inGroup += column.Data().SizeInBytes()
		}
	}
	if err := records.Err(); err != nil {
		return err
	}
	return writer.Close()
}

// onlyWriter keeps what is written to from being closed.
type onlyWriter struct{ io.Writer }
