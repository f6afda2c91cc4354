package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestVerifiedReader reads every kind of range, from many goroutines, and must
// never give out a byte of a block that is damaged.
func TestVerifiedReader(t *testing.T) {
	for _, size := range []int{0, 1, blockBytes - 1, blockBytes, blockBytes + 1, 3*blockBytes + 17} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			content := make([]byte, size)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range content {
				content[i] = byte(r.Uint32())
			}
			var disk bytes.Buffer
			w := &summingWriter{w: &disk}
			for rest := content; len(rest) > 0; {
				n := min(len(rest), 1+r.IntN(blockBytes))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			v := newVerifiedReader(bytes.NewReader(disk.Bytes()), w.sidecar())
			var wg sync.WaitGroup
			for range 4 {
				offset, length := int64(r.IntN(size+2)), r.IntN(2*blockBytes)
				wg.Go(func() { wantRange(t, v, content, offset, length) })
			}
			wg.Wait()
			for block := range w.sidecar().sums {
				damaged := bytes.Clone(content)
				damaged[min(size-1, block*blockBytes+5)] ^= 1
				wantDamage(t, newVerifiedReader(bytes.NewReader(damaged), w.sidecar()), block)
			}
		})
	}
}

func wantRange(t *testing.T, v *verifiedReader, content []byte, offset int64, length int) {
	got := make([]byte, length)
	n, err := v.ReadAt(got, offset)
	want := bytes.NewReader(content)
	expected := make([]byte, length)
	m, werr := want.ReadAt(expected, offset)
	if n != m || !bytes.Equal(got[:n], expected[:m]) || (length > 0 && !errors.Is(err, werr)) {
		t.Errorf("%d bytes at %d: %d, %v, want %d, %v", length, offset, n, err, m, werr)
	}
}

func wantDamage(t *testing.T, v *verifiedReader, block int) {
	t.Helper()
	n, err := io.Copy(io.Discard, v.section())
	if !errors.Is(err, ErrCorrupt) || n > int64(block)*blockBytes {
		t.Errorf("block %d is damaged: %d bytes, %v", block, n, err)
	}
	if !errors.Is(v.failure(), ErrCorrupt) {
		t.Errorf("the failure is %v", v.failure())
	}
}
