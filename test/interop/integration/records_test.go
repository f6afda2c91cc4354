package integration

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/flight-operator/flight-operator/test/process"
)

// TestRecords sends every group by arrow-go's Flight client, also what the
// integration client's JSON cannot say, and bodies compressed.
func TestRecords(t *testing.T) {
	server := process.Serve(t, process.Build(t), t.TempDir())
	defer server.Stop(t)
	client := server.Connect(t)
	defer client.Close()
	for body, options := range map[string][]ipc.Option{"plain": nil, "lz4": {ipc.WithLZ4()}, "zstd": {ipc.WithZstd()}} {
		for name, g := range groups() {
			t.Run(name+"/"+body, func(t *testing.T) {
				want := content{schema: g.schema(), records: g.records(t)}
				for i := range want.records {
					want.metadata = append(want.metadata, batchMetadata(i))
				}
				put(t, client, name, want, options...)
				read(t, client, name).compare(t, want)
			})
		}
	}
}

// TestChangingDictionaries sends dictionaries that grow, with deltas and
// without, and dictionaries that are replaced. The server may write the
// dictionaries anew: what counts is the value of each row.
func TestChangingDictionaries(t *testing.T) {
	server := process.Serve(t, process.Build(t), t.TempDir())
	defer server.Stop(t)
	client := server.Connect(t)
	defer client.Close()
	cases := map[string]struct {
		dictionaries []string
		options      []ipc.Option
	}{
		"Grown":             {dictionaries: []string{`["a"]`, `["a", "b"]`, `["a", "b", "c"]`}},
		"Deltas":            {dictionaries: []string{`["a"]`, `["a", "b"]`, `["a", "b", "c"]`}, options: []ipc.Option{ipc.WithDictionaryDeltas(true)}},
		"Replaced":          {dictionaries: []string{`["a", "b"]`, `["c"]`, `["d", "e", "f"]`}},
		"DeltasAndReplaced": {dictionaries: []string{`["a"]`, `["a", "b"]`, `["z"]`, `["z", "y"]`}, options: []ipc.Option{ipc.WithDictionaryDeltas(true)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sent := encoded(t, tc.dictionaries)
			put(t, client, name, sent, tc.options...)
			if got, want := read(t, client, name).rows(), sent.rows(); got != want {
				t.Errorf("rows %s, want %s", got, want)
			}
		})
	}
}

// encoded has a batch for each dictionary: its first word, a null, its last.
func encoded(t *testing.T, dictionaries []string) content {
	t.Helper()
	dataType := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	c := content{schema: arrow.NewSchema([]arrow.Field{{Name: "d", Type: dataType, Nullable: true}}, nil)}
	for i, words := range dictionaries {
		dictionary := fromJSON(t, dataType.ValueType, words)
		indices := fromJSON(t, dataType.IndexType, fmt.Sprintf("[0, null, %d]", dictionary.Len()-1))
		column := array.NewDictionaryArray(dataType, indices, dictionary)
		c.records = append(c.records, array.NewRecordBatch(c.schema, []arrow.Array{column}, int64(column.Len())))
		c.metadata = append(c.metadata, batchMetadata(i))
	}
	return c
}

// rows gives the values of the first column.
func (c content) rows() string {
	var values []string
	for _, r := range c.records {
		for i := range int(r.NumRows()) {
			values = append(values, r.Column(0).ValueStr(i))
		}
	}
	return fmt.Sprintf("%q", values)
}
