package wire

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
)

// MaxBodyBytes bounds the body of a message where rows can be split: stock Go
// clients refuse messages over 4 MiB, header included.
const MaxBodyBytes = 7 << 19 // 3.5 MiB

// Split hands a record to send as it is, with the size of its body, or in pieces
// of about target bytes when it has more than MaxBodyBytes. Only a single row
// can be larger than that. The caller keeps the record, and Split the pieces.
func Split(record arrow.RecordBatch, target int64, send func(piece arrow.RecordBatch, size int64) error) error {
	size, rows := BodyBytes(record), record.NumRows()
	if size <= MaxBodyBytes || rows <= 1 {
		return send(record, size)
	}
	pieces := min(rows, (size+target-1)/target)
	for i := range pieces {
		piece := record.NewSlice(rows*i/pieces, rows*(i+1)/pieces)
		// Large values may stand close together: a piece is looked at again.
		err := Split(piece, target, send)
		piece.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// BodyBytes tells about how large the message of a record will be, without
// making it: the bytes of its rows, where the buffers behind a slice may be far
// larger.
func BodyBytes(record arrow.RecordBatch) int64 {
	var size int64
	for _, column := range record.Columns() {
		size += arrayBytes(column)
	}
	return size
}

func arrayBytes(a arrow.Array) int64 {
	n := int64(a.Len())
	if n == 0 {
		return 0
	}
	validity := bitutil.BytesForBits(n)
	switch a := a.(type) {
	case array.ExtensionArray:
		return arrayBytes(a.Storage())
	case *array.Dictionary:
		return arrayBytes(a.Indices()) // the values are a message of their own
	case *array.String:
		return validity + 4*(n+1) + int64(len(a.ValueBytes()))
	case *array.Binary:
		return validity + 4*(n+1) + int64(len(a.ValueBytes()))
	case *array.LargeString:
		return validity + 8*(n+1) + int64(len(a.ValueBytes()))
	case *array.LargeBinary:
		return validity + 8*(n+1) + int64(len(a.ValueBytes()))
	case array.ViewLike:
		return validity + viewBytes(a)
	case *array.Struct:
		return validity + structBytes(a)
	case array.ListLike:
		return validity + 8*(n+1) + itemBytes(a)
	}
	if fixed, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		return validity + bitutil.BytesForBits(n*int64(fixed.BitWidth()))
	}
	return wholeBytes(a.Data())
}

func structBytes(a *array.Struct) int64 {
	var size int64
	for i := range a.NumField() {
		size += arrayBytes(a.Field(i))
	}
	return size
}

func itemBytes(a array.ListLike) int64 {
	start, _ := a.ValueOffsets(0)
	_, end := a.ValueOffsets(a.Len() - 1)
	if end < start { // the views of a list view may stand in any order
		return wholeBytes(a.ListValues().Data())
	}
	items := array.NewSlice(a.ListValues(), start, end)
	defer items.Release()
	return arrayBytes(items)
}

// viewBytes counts each view and the bytes that it refers to.
func viewBytes(a array.ViewLike) int64 {
	size := int64(0)
	for i := range a.Len() {
		size += int64(arrow.ViewHeaderSizeBytes)
		if a.IsValid(i) {
			if h := a.ValueHeader(i); !h.IsInline() {
				size += int64(h.Len())
			}
		}
	}
	return size
}

// wholeBytes counts the buffers of an array of a kind that is not known here,
// whether the array uses them whole or not.
func wholeBytes(data arrow.ArrayData) int64 {
	var size int64
	for _, b := range data.Buffers() {
		if b != nil {
			size += int64(b.Len())
		}
	}
	for _, child := range data.Children() {
		size += wholeBytes(child)
	}
	return size
}
