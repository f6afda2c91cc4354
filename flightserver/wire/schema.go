package wire

import flatbuffers "github.com/google/flatbuffers/go"

// layout is how much of a record batch a decoder reads for a schema. It trusts
// that there is as much.
type layout struct {
	nodes   int
	buffers int // without those of views, whose number each batch tells
	views   int
	old     int      // buffers that were there until metadata version 5
	columns []column // nested ones behind the one they are in
}

// versionV5 is the metadata version since which unions and run-end encoded
// columns have no validity bitmap.
const versionV5 = 4

func (l layout) plus(o layout) layout {
	return layout{
		nodes:   l.nodes + o.nodes,
		buffers: l.buffers + o.buffers,
		views:   l.views + o.views,
		old:     l.old + o.old,
		columns: append(l.columns, o.columns...),
	}
}

// schemaWalk visits the fields of a schema. They may share children, so a small
// header can describe a tree without end: nesting, fields and text are bounded.
type schemaWalk struct {
	fieldsLeft   int
	text         budget
	dictionaries map[int64][]layout // of all fields that an id stands at
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
	c, err := columnOf(field)
	if err != nil {
		return layout{}, err
	}
	c.children = field.vectorLen(fieldChildren)
	values := c.layout().plus(children)
	dictionary, ok := field.tableField(fieldDictionary)
	if !ok {
		return values, nil
	}
	id := dictionary.int64Field(encodingID)
	w.dictionaries[id] = append(w.dictionaries[id], values)
	return indexColumn(&dictionary).layout(), nil
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
