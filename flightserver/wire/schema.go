package wire

import flatbuffers "github.com/google/flatbuffers/go"

// layout is how much of a record batch a decoder reads for a schema. It trusts
// that there is as much.
type layout struct {
	nodes   int
	buffers int // without those of views, whose number each batch tells
	views   int
	unions  int
}

// versionV5 is the metadata version since which unions have no validity bitmap.
const versionV5 = 4

func (l layout) inVersion(version int16) layout {
	if version < versionV5 {
		l.buffers += l.unions
	}
	return l
}

func (l layout) plus(o layout) layout {
	return layout{l.nodes + o.nodes, l.buffers + o.buffers, l.views + o.views, l.unions + o.unions}
}

// atLeast is a layout that is enough for both.
func (l layout) atLeast(o layout) layout {
	return layout{max(l.nodes, o.nodes), max(l.buffers, o.buffers), max(l.views, o.views), max(l.unions, o.unions)}
}

// Types as the union of Schema.fbs numbers them.
const (
	typeNull          = 1
	typeBinary        = 4
	typeUtf8          = 5
	typeTimestamp     = 10
	typeStruct        = 13
	typeUnion         = 14
	typeFixedSizeList = 16
	typeLargeBinary   = 19
	typeLargeUtf8     = 20
	typeRunEndEncoded = 22
	typeBinaryView    = 23
	typeUtf8View      = 24
	typeListView      = 25
	typeLargeListView = 26
)

// own is what a field takes itself, beside its children.
func own(field *table) layout {
	switch field.byteField(fieldTypeType) {
	case typeNull, typeRunEndEncoded:
		return layout{nodes: 1}
	case typeStruct, typeFixedSizeList:
		return layout{nodes: 1, buffers: 1}
	case typeBinary, typeUtf8, typeLargeBinary, typeLargeUtf8, typeListView, typeLargeListView:
		return layout{nodes: 1, buffers: 3}
	case typeBinaryView, typeUtf8View:
		return layout{nodes: 1, buffers: 2, views: 1}
	case typeUnion:
		union, _ := field.tableField(fieldType)
		return layout{nodes: 1, buffers: 1 + int(union.int16Field(unionMode)), unions: 1} // dense is 1
	default:
		return layout{nodes: 1, buffers: 2}
	}
}

// schemaWalk visits the fields of a schema. They may share children, so a small
// header can describe a tree without end: nesting, fields and text are bounded.
type schemaWalk struct {
	fieldsLeft   int
	text         budget
	dictionaries map[int64]layout
}

// fields gives the layout of the fields that a schema or a field holds.
func (w *schemaWalk) fields(parent *table, slot flatbuffers.VOffsetT, depth int) (layout, error) {
	if depth > maxNesting {
		return layout{}, malformed("its schema nests deeper than %d", maxNesting)
	}
	n := parent.vectorLen(slot)
	if w.fieldsLeft -= n; w.fieldsLeft < 0 {
		return layout{}, malformed("its schema has more than %d fields", maxFields)
	}
	var sum layout
	for i := range n {
		field := parent.tableAt(slot, i)
		l, err := w.field(&field, depth)
		if err != nil {
			return layout{}, err
		}
		sum = sum.plus(l)
	}
	return sum, nil
}

func (w *schemaWalk) field(field *table, depth int) (layout, error) {
	if err := w.text.spendField(field); err != nil {
		return layout{}, err
	}
	children, err := w.fields(field, fieldChildren, depth+1)
	if err != nil {
		return layout{}, err
	}
	values := own(field).plus(children)
	dictionary, ok := field.tableField(fieldDictionary)
	if !ok {
		return values, nil
	}
	id := dictionary.int64Field(encodingID)
	w.dictionaries[id] = w.dictionaries[id].atLeast(values)
	return layout{nodes: 1, buffers: 2}, nil // the indices
}

// budget counts down the bytes of text that a message makes a decoder copy.
type budget struct{ left int }

func (b *budget) spend(n int) error {
	if b.left -= n; b.left < 0 {
		return malformed("its names and metadata take more than %d bytes", maxTextBytes)
	}
	return nil
}

func (b *budget) spendField(field *table) error {
	if err := b.spend(field.textLen(fieldName)); err != nil {
		return err
	}
	if field.byteField(fieldTypeType) == typeTimestamp {
		timestamp, _ := field.tableField(fieldType)
		if err := b.spend(timestamp.textLen(timestampZone)); err != nil {
			return err
		}
	}
	return b.spendMetadata(field, fieldMetadata)
}

func (b *budget) spendMetadata(of *table, slot flatbuffers.VOffsetT) error {
	for i := range of.vectorLen(slot) {
		pair := of.tableAt(slot, i)
		if err := b.spend(pair.textLen(pairKey) + pair.textLen(pairValue)); err != nil {
			return err
		}
	}
	return nil
}
