package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// EncodeSchema gives a schema as an Arrow IPC stream without records, metadata
// included.
func EncodeSchema(schema *arrow.Schema) ([]byte, error) {
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(schema))
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encoding the schema: %w", err)
	}
	return b.Bytes(), nil
}

// DecodeSchema is the inverse of EncodeSchema. A checksum says that the bytes
// are those that were written, not that they are a schema: they are checked
// before the decoder makes room for what they claim to hold.
func DecodeSchema(b []byte) (_ *arrow.Schema, err error) {
	defer recovered(&err, "decoding the schema")
	header, err := schemaHeader(b)
	if err != nil {
		return nil, err
	}
	if _, err := new(wire.Stream).Check(header, nil); err != nil {
		return nil, err
	}
	r, err := ipc.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	return r.Schema(), nil
}

// schemaHeader gives the first message of a stream, behind the mark of a message
// and its length.
func schemaHeader(b []byte) ([]byte, error) {
	const prefix = 8
	if len(b) < prefix || binary.LittleEndian.Uint32(b) != math.MaxUint32 {
		return nil, errors.New("the schema is no Arrow IPC stream")
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if uint64(n) > uint64(len(b)-prefix) {
		return nil, errors.New("the schema ends early")
	}
	return b[prefix : prefix+int(n)], nil
}

// CheckAssignable tells whether records of the schema from can be stored under
// the schema to: the same names, types and order, and no null where to has
// none. Metadata may differ. The error names each field that is in the way.
func CheckAssignable(to, from *arrow.Schema) error {
	var wrong []string
	for i := range max(to.NumFields(), from.NumFields()) {
		switch {
		case i >= from.NumFields():
			wrong = append(wrong, fmt.Sprintf("field %q is missing", to.Field(i).Name))
		case i >= to.NumFields():
			wrong = append(wrong, fmt.Sprintf("field %q is one too many", from.Field(i).Name))
		default:
			if text := differs(to.Field(i), from.Field(i)); text != "" {
				wrong = append(wrong, text)
			}
		}
		if len(wrong) == maxDifferences {
			wrong = append(wrong, "…")
			break
		}
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrSchemaMismatch, strings.Join(wrong, "; "))
}

// maxDifferences keeps an error readable.
const maxDifferences = 8

func differs(to, from arrow.Field) string {
	switch {
	case to.Name != from.Name:
		return fmt.Sprintf("field %q is in the place of %q", from.Name, to.Name)
	case !arrow.TypeEqual(to.Type, from.Type):
		return fmt.Sprintf("field %q is %s, want %s", to.Name, from.Type, to.Type)
	case from.Nullable && !to.Nullable:
		return fmt.Sprintf("field %q is nullable, want it not nullable", to.Name)
	}
	return ""
}

// relabel gives a record the schema, to which its own is assignable. The caller
// releases the result.
func relabel(rec arrow.RecordBatch, schema *arrow.Schema) arrow.RecordBatch {
	return withColumns(rec, schema, rec.Columns())
}
