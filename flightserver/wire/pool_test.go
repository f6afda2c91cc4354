package wire

import "testing"

func TestBufferPool(t *testing.T) {
	pool := BufferPool()
	for _, n := range []int{0, 1, 1 << 10, frameBytes / 4, frameBytes/4 + 1, frameBytes, frameBytes + 1, 1 << 21} {
		for range 3 { // made, and used again
			b := pool.Get(n)
			if len(*b) != n {
				t.Fatalf("%d bytes for %d", len(*b), n)
			}
			*b = (*b)[:n/2] // gRPC gives back what is left of it
			pool.Put(b)
		}
	}
}
