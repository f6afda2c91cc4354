package transfer

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// A message carries about messageBytes and at most messageMost, which leaves
// room below the 4 MiB that readers written in Go accept.
const (
	messageBytes = 3 << 19
	messageMost  = 7 << 19
)

// split hands the batch to send in pieces that make messages of a good size.
// Only a single row can be larger than messageMost. send does not keep what it
// is given.
func split(rec arrow.RecordBatch, send func(rec arrow.RecordBatch, size int64) error) error {
	size := recordBytes(rec)
	if size <= messageMost || rec.NumRows() <= 1 {
		return send(rec, size)
	}
	pieces := min((size+messageBytes-1)/messageBytes, rec.NumRows())
	rows := (rec.NumRows() + pieces - 1) / pieces
	for start := int64(0); start < rec.NumRows(); start += rows {
		piece := rec.NewSlice(start, min(start+rows, rec.NumRows()))
		// Long values may stand close together: a piece is looked at again.
		err := split(piece, send)
		piece.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// recordBytes is the size of the batch's body in a message.
func recordBytes(rec arrow.RecordBatch) int64 {
	var size int64
	for _, column := range rec.Columns() {
		size += arrayBytes(column)
	}
	return size
}

func arrayBytes(a arrow.Array) int64 {
	n := int64(a.Len())
	size := n / 8 // validity
	switch a := a.(type) {
	case array.ExtensionArray:
		return arrayBytes(a.Storage())
	case *array.Dictionary:
		return size + arrayBytes(a.Indices()) // the dictionary is a message of its own
	case array.BinaryLike:
		return size + 4*n + int64(len(a.ValueBytes()))
	case array.ViewLike:
		return size + viewBytes(a)
	case array.ListLike:
		return size + 8*n + itemBytes(a)
	case *array.Struct:
		for i := range a.NumField() {
			size += arrayBytes(a.Field(i))
		}
		return size
	}
	if t, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		return size + n*int64(t.BitWidth())/8
	}
	return size + wholeBytes(a.Data())
}

func itemBytes(a array.ListLike) int64 {
	if a.Len() == 0 {
		return 0
	}
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
