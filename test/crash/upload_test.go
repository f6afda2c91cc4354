package crash

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	shared    = "shared" // what appends go to
	batchRows = 512
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "upload", Type: arrow.PrimitiveTypes.Int64},
	{Name: "n", Type: arrow.PrimitiveTypes.Int64},
	{Name: "text", Type: arrow.BinaryTypes.String},
}, nil)

// upload is one of the test's uploads. Its content follows from its number.
type upload struct {
	number  int64
	dataset string
	mode    string
	batches int
	content part // that it should be found as

	sent         bool // all of it: the server may have made it visible
	acknowledged bool
}

// part is what a dataset holds of one upload.
type part struct {
	rows int64
	sum  uint32 // of the texts, in their order
}

// newUploads are uploads of random sizes: creates of datasets of their own, in
// both formats, and appends to the shared one.
func newUploads(n int, random *rand.Rand) []*upload {
	uploads := make([]*upload, n)
	for i := range uploads {
		u := &upload{number: int64(i), dataset: shared, mode: "append", batches: 1 + random.IntN(40)}
		switch i % 4 {
		case 0:
			u.dataset, u.mode = fmt.Sprintf("own/%d", i), "create"
		case 1:
			u.dataset, u.mode = fmt.Sprintf("own/%d.parquet", i), "create"
		}
		u.content.rows = int64(u.batches) * batchRows
		for n := range u.content.rows {
			u.content.sum = addText(u.content.sum, u.text(n))
		}
		uploads[i] = u
	}
	return uploads
}

func addText(sum uint32, text string) uint32 {
	return crc32.Update(sum, crc32.IEEETable, []byte(text))
}

func (u *upload) text(n int64) string { return fmt.Sprintf("upload %d row %d", u.number, n) }

func (u *upload) command() []byte {
	return fmt.Appendf(nil, `{"dataset": %q, "mode": %q, "upload": "upload-%d"}`, u.dataset, u.mode, u.number)
}

func (u *upload) batch(builder *array.RecordBuilder, i int) arrow.RecordBatch {
	for n := int64(i) * batchRows; n < int64(i+1)*batchRows; n++ {
		builder.Field(0).(*array.Int64Builder).Append(u.number)
		builder.Field(1).(*array.Int64Builder).Append(n)
		builder.Field(2).(*array.StringBuilder).Append(u.text(n))
	}
	return builder.NewRecordBatch()
}

// send uploads; an error says that it was not acknowledged.
func (u *upload) send(ctx context.Context, client flight.Client) error {
	stream, err := client.DoPut(ctx)
	if err != nil {
		return err
	}
	// Where writing fails the stream has ended, and Recv tells why.
	if err := u.write(stream); err == nil {
		u.sent = true
		_ = stream.CloseSend()
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	u.acknowledged = true
	return nil
}

func (u *upload) write(stream flight.FlightService_DoPutClient) (err error) {
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(schema))
	defer func() { err = errors.Join(err, writer.Close()) }()
	writer.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: u.command()})
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i := range u.batches {
		record := u.batch(builder, i)
		err := writer.Write(record)
		record.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// read gives what a dataset holds, by the uploads' numbers.
func read(ctx context.Context, client flight.Client, name string) (map[int64]part, error) {
	stream, err := client.DoGet(ctx, &flight.Ticket{Ticket: []byte(name)})
	if err != nil {
		return nil, err
	}
	reader, err := flight.NewRecordReader(stream)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	parts := map[int64]part{}
	for reader.Next() {
		record := reader.RecordBatch()
		numbers, texts := record.Column(0).(*array.Int64), record.Column(2).(*array.String)
		for i := range int(record.NumRows()) {
			p := parts[numbers.Value(i)]
			p.rows++
			p.sum = addText(p.sum, texts.Value(i))
			parts[numbers.Value(i)] = p
		}
	}
	return parts, reader.Err()
}
