package store

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestRecycler(t *testing.T) {
	r := &recycler{Allocator: memory.DefaultAllocator}
	first := r.Allocate(minRecycledBytes + 1)
	fill(first)
	r.Free(first)
	again := r.Allocate(minRecycledBytes + 2)
	if unsafe.SliceData(again) != unsafe.SliceData(first) {
		t.Error("a buffer of the same class is made anew")
	}
	wantZeros(t, again)
	if other := r.Allocate(minRecycledBytes + 1); unsafe.SliceData(other) == unsafe.SliceData(again) {
		t.Error("a buffer is given twice")
	}
}

func TestRecyclerGrows(t *testing.T) {
	r := &recycler{Allocator: memory.DefaultAllocator}
	old := r.Allocate(3 * minRecycledBytes)
	fill(old)
	within := r.Reallocate(4*minRecycledBytes, old[:minRecycledBytes])
	if unsafe.SliceData(within) != unsafe.SliceData(old) {
		t.Error("a buffer is moved though it has room")
	}
	wantZeros(t, within[minRecycledBytes:])
	want := bytes.Clone(within)
	grown := r.Reallocate(5*minRecycledBytes, within)
	if !bytes.Equal(grown[:len(want)], want) {
		t.Error("growing loses what was there")
	}
	wantZeros(t, grown[len(want):])
	if next := r.Allocate(len(want)); unsafe.SliceData(next) != unsafe.SliceData(old) {
		t.Error("what a buffer grew out of is made anew")
	}
}

func TestRecyclerKeepsLittle(t *testing.T) {
	r := &recycler{Allocator: memory.DefaultAllocator}
	for _, size := range []int{1, minRecycledBytes - 1, maxRecycledBytes + 1} {
		r.Free(r.Allocate(size))
	}
	if r.mu.bytes != 0 {
		t.Errorf("%d bytes wait, of sizes that are not worth it", r.mu.bytes)
	}
	var all [][]byte
	for range 2 * maxWaitingBytes / maxRecycledBytes {
		all = append(all, r.Allocate(maxRecycledBytes))
	}
	for _, b := range all {
		r.Free(b)
	}
	if r.mu.bytes != maxWaitingBytes {
		t.Errorf("%d bytes wait, want %d", r.mu.bytes, maxWaitingBytes)
	}
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}

func wantZeros(t *testing.T, b []byte) {
	t.Helper()
	if i := bytes.IndexByte(b, 0xff); i >= 0 {
		t.Errorf("byte %d of %d is not cleared", i, len(b))
	}
}

func TestRecyclerIsEmptied(t *testing.T) {
	room := &countedRoom{}
	r := &recycler{Allocator: room}
	waits, used := r.Allocate(minRecycledBytes), r.Allocate(minRecycledBytes)
	r.Free(waits)
	r.close()
	if room.taken != minRecycledBytes {
		t.Errorf("%d bytes are taken, %d are used", room.taken, minRecycledBytes)
	}
	r.Free(used)
	if room.taken != 0 {
		t.Errorf("%d bytes are taken of what was given back", room.taken)
	}
}
