package store

import (
	"bytes"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// FuzzManifest feeds the decoder what a damaged disk holds. Whatever it takes
// must be safe to apply, and keep its meaning when it is written again.
func FuzzManifest(f *testing.F) {
	schema, err := EncodeSchema(arrow.NewSchema([]arrow.Field{field(arrow.PrimitiveTypes.Int64)}, nil))
	if err != nil {
		f.Fatal(err)
	}
	m := manifest{
		Number: 1, Version: 1, Nonce: RandomID(), Created: time.Unix(1e9, 0).UTC(), Rows: 3, Bytes: 300, Whole: true, Replace: true,
		Partitions: []partition{{Added: []Segment{{Upload: RandomID(), Rows: 3, Bytes: 300, Sum: 7}}}},
		Schema:     schema, Uploads: []AppliedUpload{{ID: "client's", Version: 1, Rows: 3, Bytes: 300}},
	}
	whole, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	m.Number, m.Version, m.Parent, m.Whole, m.Replace, m.Schema = 2, 2, 1, false, false, nil
	added, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := bytes.Cut(whole, []byte("\n"))
	f.Add(uint64(1), body)
	_, body, _ = bytes.Cut(added, []byte("\n"))
	f.Add(uint64(2), body)
	f.Add(uint64(1), []byte(`{"n":1,"version":1,"partitions":[{"added":[{"upload":"../../../etc","n":0}]}]}`))
	f.Fuzz(func(t *testing.T, n uint64, body []byte) {
		// The checksum would keep the fuzzer out, so it is given.
		m, err := decodeManifest(n, append([]byte(entryHeader(manifestKind, body)), body...))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v is not %v", err, ErrCorrupt)
			}
			return
		}
		for _, p := range m.Partitions {
			for _, s := range p.Added {
				if !IsID(s.Upload) {
					t.Errorf("%q names a directory", s.Upload)
				}
			}
		}
		base := &version{number: m.Parent, schema: arrow.NewSchema(nil, nil), generation: &generation{}}
		if v, err := m.next(base, nil); err == nil && v.schema == nil {
			t.Error("a version without a schema")
		}
	})
}

func FuzzEntry(f *testing.F) {
	whole, err := EncodeEntry("kind", map[string]int{"a": 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:10])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, entry []byte) {
		var v map[string]int
		if err := DecodeEntry("kind", entry, &v); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v is not %v", err, ErrCorrupt)
		}
	})
}

func FuzzSidecar(f *testing.F) {
	f.Add(sidecar{}.encode())
	f.Add(sidecar{size: blockBytes + 1, sums: []uint32{1, 2}}.encode())
	f.Add([]byte(sidecarMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSidecar(b, crc32.Checksum(b, castagnoli))
		switch {
		case err != nil && !errors.Is(err, ErrCorrupt):
			t.Errorf("%v is not %v", err, ErrCorrupt)
		case err == nil && !bytes.Equal(s.encode(), b):
			t.Errorf("%x is read as %x", b, s.encode())
		}
	})
}
