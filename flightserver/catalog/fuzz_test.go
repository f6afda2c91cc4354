package catalog

import (
	"errors"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// FuzzLogEntry feeds the decoder whole entries, and folds what it takes.
func FuzzLogEntry(f *testing.F) {
	schema, err := store.EncodeSchema(testSchema)
	if err != nil {
		f.Fatal(err)
	}
	id := store.RandomID()
	for i, l := range []logEntry{
		{Cluster: &clusterEntry{UID: "uid"}},
		{Create: &createEntry{ID: id, Path: []string{"a", "b"}, Format: "Arrow", Schema: schema}},
		{Declare: &declareEntry{ID: id, Schema: schema}},
		{Rename: &renameEntry{ID: id, Path: []string{"c"}}},
		{Drop: &dropEntry{ID: id}},
		{Checkpoint: &checkpointEntry{ID: id, At: 5, Parts: 1, Cluster: "uid", Datasets: []summary{
			{createEntry: createEntry{ID: id, Path: []string{"a"}, Format: "Arrow", Declared: true, policyJSON: policyJSON{&retentionJSON{Versions: 3}, "ZSTD"}}},
		}}},
	} {
		l.Number, l.Nonce, l.Created = uint64(i), store.RandomID(), time.Unix(1e9, 0).UTC()
		entry, err := store.EncodeEntry(entryKind, l)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint64(i), entry)
		f.Add(uint64(i), entry[:len(entry)/2])
	}
	f.Fuzz(func(t *testing.T, n uint64, entry []byte) {
		l, err := decodeLogEntry(n, entry)
		if err == nil {
			_, err = fold([]*logEntry{l}, &store.Schemas{})
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v is not %v", err, ErrCorrupt)
		}
	})
}

func FuzzParseType(f *testing.F) {
	for _, text := range []string{"int64", "timestamp[us, UTC]", "struct<a: list<int8>, b: map<utf8, decimal128(3, 1)>>", "dictionary<int32, utf8>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if parsed, err := ParseType(text); err != nil && !errors.Is(err, ErrUnsupportedType) || err == nil && parsed == nil {
			t.Errorf("%v, %v", parsed, err)
		}
	})
}
