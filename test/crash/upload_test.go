package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const batchRows = 256

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "upload", Type: arrow.PrimitiveTypes.Int64},
	{Name: "n", Type: arrow.PrimitiveTypes.Int64},
	{Name: "text", Type: arrow.BinaryTypes.String},
}, nil)

// putCommand is the command of a DoPut, and the body of actions upon uploads.
type putCommand struct {
	Dataset string `json:"dataset,omitempty"`
	Mode    string `json:"mode,omitempty"`
	Upload  string `json:"upload,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// upload is one of the test's uploads. Its content follows from its number.
type upload struct {
	number  int64
	dataset string // where it was sent to
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

func newUpload(number int64, dataset string, random *rand.Rand) *upload {
	u := &upload{number: number, dataset: dataset, batches: random.IntN(12)}
	if u.batches == 0 {
		u.batches = 100 // some are much larger than most
	}
	u.content.rows = int64(u.batches) * batchRows
	for n := range u.content.rows {
		u.content.sum = addText(u.content.sum, u.text(n))
	}
	return u
}

func addText(sum uint32, text string) uint32 {
	return crc32.Update(sum, crc32.IEEETable, []byte(text))
}

func (u *upload) text(n int64) string { return fmt.Sprintf("upload %d row %d", u.number, n) }

func (u *upload) batch(builder *array.RecordBuilder, i int) arrow.RecordBatch {
	for n := int64(i) * batchRows; n < int64(i+1)*batchRows; n++ {
		builder.Field(0).(*array.Int64Builder).Append(u.number)
		builder.Field(1).(*array.Int64Builder).Append(n)
		builder.Field(2).(*array.StringBuilder).Append(u.text(n))
	}
	return builder.NewRecordBatch()
}

// send uploads; an error says that it was not acknowledged.
func (u *upload) send(ctx context.Context, client flight.Client, command putCommand) error {
	stream, err := client.DoPut(ctx)
	if err != nil {
		return err
	}
	// Where writing fails the stream has ended, and Recv tells why.
	if err := u.write(stream, command); err == nil {
		u.sent = true
		_ = stream.CloseSend()
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	u.acknowledged = true
	return nil
}

func (u *upload) write(stream flight.FlightService_DoPutClient, command putCommand) (err error) {
	body, err := json.Marshal(command)
	if err != nil {
		return err
	}
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(schema))
	defer func() { err = errors.Join(err, writer.Close()) }()
	writer.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: body})
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

// newest describes a dataset as it is now.
func newest(name string) *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{name}}
}

// read gives the numbers of the uploads that a version of a dataset consists of,
// in order. An upload that is not whole is an error.
func (w *world) read(ctx context.Context, client flight.Client, of *flight.FlightDescriptor) ([]int64, error) {
	info, err := client.GetFlightInfo(ctx, of)
	if err != nil {
		return nil, err
	}
	parts := map[int64]part{}
	for _, e := range info.GetEndpoint() {
		if err := readEndpoint(ctx, client, e, parts); err != nil {
			return nil, err
		}
	}
	if err := w.compare(parts, info.GetTotalRecords()); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(parts)), nil
}

func readEndpoint(ctx context.Context, client flight.Client, e *flight.FlightEndpoint, parts map[int64]part) error {
	stream, err := client.DoGet(ctx, e.GetTicket())
	if err != nil {
		return err
	}
	reader, err := flight.NewRecordReader(stream)
	if err != nil {
		return err
	}
	defer reader.Release()
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
	return reader.Err()
}

// compare tells what is not whole, or there more than once.
func (w *world) compare(parts map[int64]part, promised int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows := int64(0)
	for number, p := range parts {
		if number >= int64(len(w.uploads)) {
			return fmt.Errorf("there was no upload %d", number)
		}
		if want := w.uploads[number].content; p != want {
			return fmt.Errorf("upload %d has %+v, want %+v", number, p, want)
		}
		rows += p.rows
	}
	if rows != promised {
		return fmt.Errorf("%d rows where %d were promised", rows, promised)
	}
	return nil
}
