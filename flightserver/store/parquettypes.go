package store

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Parquet counts time in milliseconds at the coarsest.
const millisPerSecond = 1000

// checkParquetSchema refuses what Parquet could not give back exactly.
func checkParquetSchema(schema *arrow.Schema) error {
	if schema.NumFields() == 0 {
		return fmt.Errorf("%w: a Parquet dataset needs a column; use the Arrow format", ErrUnsupportedType)
	}
	return checkParquetFields(schema.Fields(), "")
}

func checkParquetFields(fields []arrow.Field, parent string) error {
	seen := map[string]bool{}
	for _, f := range fields {
		name := parent + f.Name
		if seen[f.Name] {
			return fmt.Errorf("%w: Parquet cannot hold two fields named %q", ErrUnsupportedType, name)
		}
		seen[f.Name] = true
		if err := checkParquetField(f, name); err != nil {
			return err
		}
	}
	return nil
}

func checkParquetField(f arrow.Field, name string) error {
	switch t := f.Type.(type) {
	case *arrow.StructType:
		if t.NumFields() > 0 {
			return checkParquetFields(t.Fields(), name+".")
		}
	case *arrow.ListType, *arrow.LargeListType, *arrow.FixedSizeListType:
		return checkParquetField(t.(arrow.ListLikeType).ElemField(), name+"[]")
	case *arrow.MapType:
		if err := checkParquetField(t.KeyField(), name+".key"); err != nil {
			return err
		}
		return checkParquetField(t.ItemField(), name+".value")
	default:
		if parquetHolds(f) {
			return nil
		}
	}
	return fmt.Errorf("%w: Parquet cannot hold field %q of type %s; use the Arrow format or another type",
		ErrUnsupportedType, name, f.Type)
}

// parquetHolds lists the fields without children that are read as they were
// written.
func parquetHolds(f arrow.Field) bool {
	switch t := f.Type.(type) {
	case *arrow.DictionaryType:
		// Narrower indices overflow when a record is read that spans several
		// dictionaries.
		return arrow.IsBinaryLike(t.ValueType.ID()) && t.IndexType.ID() == arrow.INT32
	case *arrow.NullType:
		return f.Nullable
	case *extensions.UUIDType:
		return true
	case *arrow.Decimal128Type, *arrow.Decimal256Type:
		return t.(arrow.DecimalType).GetScale() >= 0
	}
	switch f.Type.ID() {
	case arrow.BOOL, arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64,
		arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64,
		arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64,
		arrow.STRING, arrow.LARGE_STRING, arrow.BINARY, arrow.LARGE_BINARY, arrow.FIXED_SIZE_BINARY,
		arrow.DATE32, arrow.TIME32, arrow.TIME64, arrow.TIMESTAMP:
		return true
	}
	return false
}

// checkParquetValues refuses values that the encoder would change or cannot
// write, though others of their type are fine: times in seconds that do not fit
// in milliseconds, and nulls among lists of fixed size.
func checkParquetValues(data arrow.ArrayData) error {
	switch t := data.DataType().(type) {
	case *arrow.TimestampType:
		if t.Unit == arrow.Second {
			return checkRange(arrow.Int64Traits.CastFromBytes(values(data)), math.MaxInt64/millisPerSecond, data)
		}
	case *arrow.Time32Type:
		if t.Unit == arrow.Second {
			return checkRange(arrow.Int32Traits.CastFromBytes(values(data)), math.MaxInt32/millisPerSecond, data)
		}
	case *arrow.FixedSizeListType:
		if data.NullN() != 0 {
			return fmt.Errorf("%w: Parquet cannot hold a null of type %s; use the Arrow format", ErrUnsupportedType, t)
		}
	}
	for _, child := range data.Children() {
		if err := checkParquetValues(child); err != nil {
			return err
		}
	}
	return nil
}

func checkRange[T int32 | int64](all []T, limit T, data arrow.ArrayData) error {
	if data.Len() == 0 {
		return nil
	}
	valid := data.Buffers()[0]
	for i, v := range all[data.Offset() : data.Offset()+data.Len()] {
		null := valid != nil && !bitutil.BitIsSet(valid.Bytes(), data.Offset()+i)
		if !null && (v > limit || v < -limit) {
			return fmt.Errorf("%w: Parquet cannot hold %d of type %s", ErrUnsupportedType, v, data.DataType())
		}
	}
	return nil
}

// values are the bytes of a fixed-width array's second buffer.
func values(data arrow.ArrayData) []byte {
	if b := data.Buffers()[1]; b != nil {
		return b.Bytes()
	}
	return nil
}

// restore gives a record that was read from Parquet the types that it was
// written with: Parquet renames the elements of lists and keeps seconds as
// milliseconds. The caller releases the result.
func restore(read []arrow.Array, rows int64, schema *arrow.Schema) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, len(read))
	for i, f := range schema.Fields() {
		data, err := restoreData(read[i].Data(), f.Type)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		columns[i] = array.MakeFromData(data)
		data.Release()
		defer columns[i].Release()
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}

// restoreData gives data the type want. The caller releases the result.
func restoreData(data arrow.ArrayData, want arrow.DataType) (arrow.ArrayData, error) {
	got := data.DataType()
	if got.ID() != want.ID() {
		return nil, fmt.Errorf("%w: the file has %s, the dataset %s", ErrCorrupt, got, want)
	}
	switch t := want.(type) {
	case *arrow.TimestampType:
		if t.Unit == arrow.Second && got.(*arrow.TimestampType).Unit == arrow.Millisecond {
			return toSeconds(data, want, arrow.Int64Traits.CastFromBytes, arrow.Int64Traits.CastToBytes), nil
		}
	case *arrow.Time32Type:
		if t.Unit == arrow.Second && got.(*arrow.Time32Type).Unit == arrow.Millisecond {
			return toSeconds(data, want, arrow.Int32Traits.CastFromBytes, arrow.Int32Traits.CastToBytes), nil
		}
	case arrow.NestedType:
		return restoreChildren(data, t)
	}
	return withType(data, want, data.Buffers(), data.Children()), nil
}

func restoreChildren(data arrow.ArrayData, want arrow.NestedType) (arrow.ArrayData, error) {
	fields := want.Fields()
	if len(fields) != len(data.Children()) {
		return nil, fmt.Errorf("%w: the file has %s, the dataset %s", ErrCorrupt, data.DataType(), want)
	}
	children := make([]arrow.ArrayData, len(fields))
	for i, f := range fields {
		child, err := restoreData(data.Children()[i], f.Type)
		if err != nil {
			return nil, err
		}
		children[i] = child
		defer child.Release()
	}
	return withType(data, want, data.Buffers(), children), nil
}

func withType(data arrow.ArrayData, want arrow.DataType, buffers []*memory.Buffer, children []arrow.ArrayData) arrow.ArrayData {
	if d, ok := data.(*array.Data); ok && want.ID() == arrow.DICTIONARY {
		return array.NewDataWithDictionary(want, d.Len(), buffers, d.NullN(), d.Offset(), d.Dictionary().(*array.Data))
	}
	return array.NewData(want, data.Len(), buffers, children, data.NullN(), data.Offset())
}

func toSeconds[T int32 | int64](data arrow.ArrayData, want arrow.DataType, from func([]byte) []T, to func([]T) []byte) arrow.ArrayData {
	millis := from(values(data))
	seconds := make([]T, len(millis))
	for i, v := range millis {
		seconds[i] = v / millisPerSecond
	}
	buffers := []*memory.Buffer{data.Buffers()[0], memory.NewBufferBytes(to(seconds))}
	return withType(data, want, buffers, nil)
}
