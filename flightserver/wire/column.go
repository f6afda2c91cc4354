package wire

import flatbuffers "github.com/google/flatbuffers/go"

// Types as the union of Schema.fbs numbers them.
const (
	typeNull            = 1
	typeInt             = 2
	typeFloatingPoint   = 3
	typeBinary          = 4
	typeUtf8            = 5
	typeBool            = 6
	typeDecimal         = 7
	typeDate            = 8
	typeTime            = 9
	typeTimestamp       = 10
	typeInterval        = 11
	typeList            = 12
	typeStruct          = 13
	typeUnion           = 14
	typeFixedSizeBinary = 15
	typeFixedSizeList   = 16
	typeMap             = 17
	typeDuration        = 18
	typeLargeBinary     = 19
	typeLargeUtf8       = 20
	typeLargeList       = 21
	typeRunEndEncoded   = 22
	typeBinaryView      = 23
	typeUtf8View        = 24
	typeListView        = 25
	typeLargeListView   = 26
)

// column is what a field takes itself, beside its children.
type column struct {
	validity validity
	data     []values // its buffers behind the validity bitmap
	views    bool     // more buffers follow, whose number each batch tells
	children int
	// each is how many values of every child a value takes at least.
	each int64
}

// validity tells whether there is a buffer for a bitmap.
type validity byte

const (
	validityAlways validity = iota
	validityNever
	validityOld // until metadata version 5
)

// values are what a buffer holds: so many bits for each value of the column, and
// for more values than that in a buffer of offsets.
type values struct{ bits, more int64 }

func (c column) layout() layout {
	l := layout{nodes: 1, buffers: len(c.data), columns: []column{c}}
	switch c.validity {
	case validityAlways:
		l.buffers++
	case validityOld:
		l.old = 1
	}
	if c.views {
		l.views = 1
	}
	return l
}

var (
	text      = column{data: []values{{32, 1}, {}}}
	largeText = column{data: []values{{64, 1}, {}}}
	list      = column{data: []values{{32, 1}}}
	largeList = column{data: []values{{64, 1}}}
)

func columnOf(field *table) (column, error) {
	of, _ := field.tableField(fieldType)
	switch field.byteField(fieldTypeType) {
	case typeNull:
		return column{validity: validityNever}, nil
	case typeRunEndEncoded:
		return column{validity: validityOld}, nil
	case typeStruct:
		return column{each: 1}, nil
	case typeFixedSizeList:
		n := of.int32Field(typeWidth, 0)
		if n < 0 {
			return column{}, malformed("its schema has lists of %d values", n)
		}
		return column{each: int64(n)}, nil
	case typeUnion:
		return unionColumn(of.int16Field(unionMode, 0) == unionDense), nil
	case typeBinary, typeUtf8:
		return text, nil
	case typeLargeBinary, typeLargeUtf8:
		return largeText, nil
	case typeList, typeMap:
		return list, nil
	case typeLargeList:
		return largeList, nil
	case typeListView:
		return column{data: []values{{32, 0}, {32, 0}}}, nil
	case typeLargeListView:
		return column{data: []values{{64, 0}, {64, 0}}}, nil
	case typeBinaryView, typeUtf8View:
		return column{data: []values{{128, 0}}, views: true}, nil
	}
	bits := width(field.byteField(fieldTypeType), &of)
	if bits < 0 {
		return column{}, malformed("its schema has values of %d bits", bits)
	}
	return column{data: []values{{bits, 0}}}, nil
}

// unionColumn has type ids and, when dense, offsets into the children.
func unionColumn(dense bool) column {
	if dense {
		return column{validity: validityOld, data: []values{{8, 0}, {32, 0}}}
	}
	return column{validity: validityOld, data: []values{{8, 0}}, each: 1}
}

// indexColumn is what stands in place of a field's values where those are in a
// dictionary.
func indexColumn(encoding *table) column {
	bits := int64(32)
	if index, ok := encoding.tableField(encodingIndex); ok {
		bits = width(typeInt, &index)
	}
	return column{data: []values{{bits, 0}}}
}

// width is the bits that a value of a type takes; 0 where that is not known
// here, and a decoder refuses the type.
func width(kind byte, of *table) int64 {
	switch kind {
	case typeInt:
		return int64(of.int32Field(typeWidth, 0))
	case typeFloatingPoint:
		return 16 << of.int16Field(typeUnit, 0)
	case typeBool:
		return 1
	case typeDecimal:
		return int64(of.int32Field(decimalWidth, 128))
	case typeDate:
		return 32 << of.int16Field(typeUnit, 1)
	case typeTime:
		return int64(of.int32Field(timeWidth, 32))
	case typeTimestamp, typeDuration:
		return 64
	case typeInterval:
		return 32 << of.int16Field(typeUnit, 0)
	case typeFixedSizeBinary:
		return 8 * int64(of.int32Field(typeWidth, 0))
	}
	return 0
}

// Slots of the tables of types; they begin alike.
const (
	typeWidth    flatbuffers.VOffsetT = 4 // of Int, FixedSizeBinary and FixedSizeList
	typeUnit     flatbuffers.VOffsetT = 4 // of FloatingPoint, Date and Interval
	unionMode    flatbuffers.VOffsetT = 4
	timeWidth    flatbuffers.VOffsetT = 6
	decimalWidth flatbuffers.VOffsetT = 8

	unionDense = 1
)
