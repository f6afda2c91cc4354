package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
)

// message is an IPC message as Flight carries it.
type message struct{ header, body []byte }

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		reason  string
		message message
		want    string // part of the error; empty: it passes
	}{
		"Schema":          {reason: "what arrow-go writes is legal", message: schemaMessage(t, sampleSchema())},
		"RecordBatch":     {reason: "what arrow-go writes is legal", message: sampleMessage(t)},
		"Compressed":      {reason: "what arrow-go compresses is legal", message: sampleMessage(t, ipc.WithZstd())},
		"EmptyHeader":     {reason: "there is nothing to read", message: message{}, want: "not a flatbuffer"},
		"Noise":           {reason: "offsets lead anywhere", message: message{header: bytes.Repeat([]byte{0xff}, 64)}, want: "not a flatbuffer"},
		"BodyCut":         {reason: "buffers must lie in the body", message: cutBody(sampleMessage(t)), want: "the body has 8 bytes"},
		"ForgedRows":      {reason: "splitting by rows must end", message: forge(t, setRows(math.MaxInt64)), want: "rows in a batch"},
		"NegativeRows":    {reason: "rows are counted", message: forge(t, setRows(-1)), want: "rows in a batch"},
		"NegativeLength":  {reason: "lengths become sizes", message: forge(t, setPair(batchNodes, 0, -1, 0)), want: "column node 0"},
		"TooManyNulls":    {reason: "nulls are counted among the values", message: forge(t, setPair(batchNodes, 0, 3, 4)), want: "4 nulls among 3"},
		"BufferBehind":    {reason: "a slice would panic", message: forge(t, setPair(batchBuffers, 1, 1<<40, 8)), want: "buffer 1 lies at"},
		"BufferNegative":  {reason: "a slice would panic", message: forge(t, setPair(batchBuffers, 1, -8, 8)), want: "buffer 1 lies at -8"},
		"BufferOverflows": {reason: "offset plus length must not wrap", message: forge(t, setPair(batchBuffers, 1, 8, math.MaxInt64)), want: "buffer 1 lies at 8"},
		"BufferUnaligned": {reason: "values are read as words", message: forge(t, setPair(batchBuffers, 1, 1, 8)), want: "no multiple of 8"},
		"ForgedSize":      {reason: "a decoder would allocate it", message: forgeSize(t, math.MaxInt64), want: "at most 1073741824 are legal"},
		"NegativeSize":    {reason: "only -1 has a meaning", message: forgeSize(t, -2), want: "claims -2 bytes"},
		"NoBuffers":       {reason: "a decoder reads on behind the last buffer", message: forge(t, cutVector(batchBuffers)), want: "claims 1 buffers of 0"},
		"NoNodes":         {reason: "a decoder reads on behind the last node", message: forge(t, cutVector(batchNodes)), want: "0 column nodes"},
		"NoViewCounts":    {reason: "a decoder makes room for what it finds behind the counts", message: forge(t, cutVector(batchVariadic)), want: "0 counts of view buffers"},
		"ForgedViewCount": {reason: "a decoder makes room for as many", message: forge(t, setViewCount(1<<35)), want: "view column 0 claims 34359738368"},
		"ShortBitmap":     {reason: "a decoder reads a bit for each value", message: forge(t, setRows(1000), setNode(0, 1000, 1)), want: "column node 0 has 1000 values, and a validity bitmap of"},
		"ShortValues":     {reason: "a decoder reads each value", message: forge(t, setRows(1000), setNode(0, 1000, 0)), want: "buffer 1 has"},
		"ShortOffsets":    {reason: "texts have one offset more than values", message: forge(t, setPair(batchBuffers, 3, 0, 8)), want: "buffer 3 has 8 bytes, too few for the 3 values of column node 1"},
		"ShortCompressed": {reason: "it is the size after decompression that counts", message: forgeSize(t, 0), want: "a validity bitmap of 0 bytes"},
		"RowsDiffer":      {reason: "columns are as long as their batch", message: forge(t, setRows(2)), want: "column node 0 has length 3, the batch has 2 rows"},
		"DeepNest":        {reason: "a decoder would recurse", message: nested(80), want: "nests deeper than 64"},
		"SharedChildren":  {reason: "a small header can describe a tree without end", message: shared(60), want: "more than 65536 fields"},
		"SharedText":      {reason: "a decoder copies a text for each field", message: sharedName(1<<20, 100), want: "names and metadata take more"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var stream Stream
			schema := schemaMessage(t, sampleSchema())
			if _, err := stream.Check(schema.header, schema.body); err != nil {
				t.Fatal(err)
			}
			_, err := stream.Check(tc.message.header, tc.message.body)
			if tc.want == "" {
				if err != nil {
					t.Errorf("Check() = %v: %s", err, tc.reason)
				}
				return
			}
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check() = %v, want %q: %s", err, tc.want, tc.reason)
			}
		})
	}
}

// TestCheckTypes checks what arrow-go writes of every type, with and without
// rows, sliced and compressed: it is legal, and plain unless it is compressed.
func TestCheckTypes(t *testing.T) {
	for _, of := range everyType() {
		t.Run(of.String(), func(t *testing.T) {
			schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: of, Nullable: true}}, nil)
			record := variedRecord(t, schema)
			records := []arrow.RecordBatch{record}
			switch of.ID() {
			case arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW, arrow.DENSE_UNION: // arrow-go fails to write slices of these
			default:
				records = append(records, record.NewSlice(3, 11), record.NewSlice(0, 0))
			}
			for _, options := range [][]ipc.Option{nil, {ipc.WithZstd()}} {
				var sent written
				writer := ipc.NewWriterWithPayloadWriter(&sent, append(options, ipc.WithSchema(schema))...)
				for _, r := range records {
					if err := writer.Write(r); err != nil {
						t.Fatal(err)
					}
				}
				if err := writer.Close(); err != nil {
					t.Fatal(err)
				}
				var stream Stream
				for _, m := range sent {
					kind, err := stream.Check(m.header, m.body)
					if err != nil {
						t.Error(err)
					}
					if kind == KindRecordBatch && stream.Plain() != (options == nil) {
						t.Errorf("Plain() = %t", stream.Plain())
					}
				}
			}
		})
	}
}

func everyType() []arrow.DataType {
	field := func(of arrow.DataType) arrow.Field { return arrow.Field{Name: "f", Type: of, Nullable: true} }
	i32 := arrow.PrimitiveTypes.Int32
	return []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint16, i32, arrow.PrimitiveTypes.Int64,
		arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		&arrow.Decimal128Type{Precision: 30, Scale: 2}, &arrow.Decimal256Type{Precision: 60, Scale: 2},
		arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64, arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time64ns,
		arrow.FixedWidthTypes.Timestamp_ms, arrow.FixedWidthTypes.Duration_s,
		arrow.FixedWidthTypes.MonthInterval, arrow.FixedWidthTypes.DayTimeInterval, arrow.FixedWidthTypes.MonthDayNanoInterval,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
		arrow.BinaryTypes.StringView, arrow.BinaryTypes.BinaryView, &arrow.FixedSizeBinaryType{ByteWidth: 5},
		arrow.ListOf(i32), arrow.LargeListOf(i32), arrow.ListViewOf(i32), arrow.LargeListViewOf(i32), arrow.FixedSizeListOf(3, i32),
		arrow.StructOf(field(i32), arrow.Field{Name: "g", Type: arrow.BinaryTypes.String, Nullable: true}),
		arrow.MapOf(arrow.BinaryTypes.String, i32),
		arrow.DenseUnionOf([]arrow.Field{field(i32)}, []arrow.UnionTypeCode{3}), arrow.SparseUnionOf([]arrow.Field{field(i32)}, []arrow.UnionTypeCode{3}),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
		arrow.RunEndEncodedOf(i32, arrow.PrimitiveTypes.Int64),
	}
}

// variedRecord has 12 rows, some of them null where there can be nulls.
func variedRecord(t *testing.T, schema *arrow.Schema) arrow.RecordBatch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range 12 {
		if of := schema.Field(0).Type.ID(); i%3 == 1 && of != arrow.RUN_END_ENCODED {
			b.Field(0).AppendNull()
		} else {
			b.Field(0).AppendEmptyValue()
		}
	}
	return b.NewRecordBatch()
}

// written keeps what a writer writes.
type written []message

func (w *written) Start() error { return nil }

func (w *written) Close() error { return nil }

func (w *written) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	var body bytes.Buffer
	if err := p.SerializeBody(&body); err != nil {
		return err
	}
	*w = append(*w, message{header: bytes.Clone(meta.Bytes()), body: body.Bytes()})
	return nil
}

// FuzzCheck looks for messages that pass and then break a decoder.
func FuzzCheck(f *testing.F) {
	for _, m := range []message{sampleMessage(f), sampleMessage(f, ipc.WithZstd()), sampleMessage(f, ipc.WithLZ4())} {
		f.Add(m.header, m.body)
	}
	schema := schemaMessage(f, sampleSchema())
	f.Fuzz(func(t *testing.T, header, body []byte) {
		var stream Stream
		if _, err := stream.Check(schema.header, schema.body); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Check(header, body); err != nil {
			return
		}
		reader, err := ipc.NewReaderFromMessageReader(&replay{schema, {header, body}})
		if err != nil {
			return
		}
		defer reader.Release()
		for reader.Next() {
			_ = reader.RecordBatch().NumRows()
		}
	})
}

// replay is a reader of messages that are there.
type replay []message

func (r *replay) Message() (*ipc.Message, error) {
	if len(*r) == 0 {
		return nil, errors.New("end")
	}
	m := (*r)[0]
	*r = (*r)[1:]
	return ipc.NewMessage(memory.NewBufferBytes(m.header), memory.NewBufferBytes(m.body)), nil
}

func (r *replay) Retain() {}

func (r *replay) Release() {}

func sampleSchema() *arrow.Schema {
	metadata := arrow.NewMetadata([]string{"unit"}, []string{"m"})
	return arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true, Metadata: metadata},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64)},
		{Name: "view", Type: arrow.BinaryTypes.StringView},
	}, &metadata)
}

func sampleMessage(t testing.TB, options ...ipc.Option) message {
	t.Helper()
	rows := `[{"n": 1, "s": "one", "at": 1, "list": [1, 2], "view": "a text that is longer than twelve bytes"},
		{"n": null, "s": "two", "at": 2, "list": [], "view": "short"},
		{"n": 3, "s": null, "at": 3, "list": [3], "view": "and another one of some length"}]`
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, sampleSchema(), strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer record.Release()
	payload, err := ipc.GetRecordBatchPayload(record, options...)
	if err != nil {
		t.Fatal(err)
	}
	return messageOf(t, payload)
}

func schemaMessage(t testing.TB, schema *arrow.Schema) message {
	t.Helper()
	return messageOf(t, ipc.GetSchemaPayload(schema, memory.DefaultAllocator))
}

func messageOf(t testing.TB, payload ipc.Payload) message {
	t.Helper()
	defer payload.Release()
	var body bytes.Buffer
	if err := payload.SerializeBody(&body); err != nil {
		t.Fatal(err)
	}
	meta := payload.Meta()
	defer meta.Release()
	return message{header: bytes.Clone(meta.Bytes()), body: body.Bytes()}
}

func cutBody(m message) message { return message{m.header, m.body[:8]} }

// forge changes the record batch of a good message.
func forge(t testing.TB, changes ...func(batch *table)) message {
	t.Helper()
	m := sampleMessage(t)
	top := root(m.header)
	batch, ok := top.tableField(messageHeader)
	if !ok {
		t.Fatal("the sample has no record batch")
	}
	for _, change := range changes {
		change(&batch)
	}
	return m
}

func setRows(n int64) func(*table) {
	return func(batch *table) { batch.MutateInt64(batch.slot(batchLength), n) }
}

func setPair(slot flatbuffers.VOffsetT, i int, first, second int64) func(*table) {
	return func(batch *table) {
		at := batch.vector(slot) + flatbuffers.UOffsetT(i)*16
		batch.MutateInt64(at, first)
		batch.MutateInt64(at+8, second)
	}
}

func setNode(i int, length, nulls int64) func(*table) { return setPair(batchNodes, i, length, nulls) }

func setViewCount(n int64) func(*table) {
	return func(batch *table) { batch.MutateInt64(batch.vector(batchVariadic), n) }
}

// cutVector says that a vector is empty; its elements stay behind it.
func cutVector(slot flatbuffers.VOffsetT) func(*table) {
	return func(batch *table) { batch.MutateUOffsetT(batch.vector(slot)-flatbuffers.SizeUOffsetT, 0) }
}

// forgeSize changes the length that precedes the first compressed buffer.
func forgeSize(t testing.TB, size int64) message {
	t.Helper()
	m := sampleMessage(t, ipc.WithZstd())
	binary.LittleEndian.PutUint64(m.body, uint64(size))
	return m
}

// nested is a schema of a field in a field, as deep as asked.
func nested(depth int) message { return buildSchema(depth, 1, 0, 1) }

// shared is a schema in which each field has the field below it as both of its
// children.
func shared(depth int) message { return buildSchema(depth, 2, 0, 1) }

// sharedName is a schema of fields that have one name.
func sharedName(length, fields int) message { return buildSchema(1, 1, length, fields) }

func buildSchema(depth, children, nameLength, topFields int) message {
	b := flatbuffers.NewBuilder(0)
	name := b.CreateString(strings.Repeat("x", nameLength))
	var field flatbuffers.UOffsetT
	for level := range depth {
		var below flatbuffers.UOffsetT
		if level > 0 {
			below = vectorOf(b, field, children)
		}
		b.StartObject(7)
		b.PrependUOffsetTSlot(0, name, 0)
		b.PrependUOffsetTSlot(5, below, 0)
		field = b.EndObject()
	}
	fields := vectorOf(b, field, topFields)
	b.StartObject(4)
	b.PrependUOffsetTSlot(1, fields, 0)
	schema := b.EndObject()
	b.StartObject(5)
	b.PrependByteSlot(1, byte(KindSchema), 0)
	b.PrependUOffsetTSlot(2, schema, 0)
	b.Finish(b.EndObject())
	return message{header: b.FinishedBytes()}
}

func vectorOf(b *flatbuffers.Builder, of flatbuffers.UOffsetT, n int) flatbuffers.UOffsetT {
	b.StartVector(flatbuffers.SizeUOffsetT, n, flatbuffers.SizeUOffsetT)
	for range n {
		b.PrependUOffsetT(of)
	}
	return b.EndVector(n)
}
