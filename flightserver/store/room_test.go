package store

import (
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// countedRoom knows what it is asked for and what is taken of it.
type countedRoom struct {
	refuse error

	mu       sync.Mutex
	taken    int64
	most     int64
	reserved int64 // the largest reservation
}

func (r *countedRoom) Reserve(n int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reserved = max(r.reserved, n)
	if n == 0 {
		return nil
	}
	return r.refuse
}

func (r *countedRoom) Take(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken += n
	r.most = max(r.most, r.taken)
}

func (r *countedRoom) Allocate(size int) []byte {
	b := memory.DefaultAllocator.Allocate(size)
	r.Take(int64(cap(b)))
	return b
}

func (r *countedRoom) Reallocate(size int, b []byte) []byte {
	before := cap(b)
	b = memory.DefaultAllocator.Reallocate(size, b)
	r.Take(int64(cap(b) - before))
	return b
}

func (r *countedRoom) Free(b []byte) { r.Take(-int64(cap(b))) }

type roomCase struct {
	reason  string
	format  Format
	options Options
	policy  Policy
	records []arrow.RecordBatch
	// Whether room is asked for to read messages, and to read records.
	messages, decoded bool
}

func roomCases() map[string]roomCase {
	return map[string]roomCase{
		"Arrow":      {"it is read where it lies", FormatArrow, Options{}, Policy{}, []arrow.RecordBatch{numbers(0, 10_000)}, false, false},
		"Compressed": {"messages are sent as they are stored", FormatArrow, Options{}, Policy{Compression: CompressionZSTD}, []arrow.RecordBatch{numbers(0, 100_000), numbers(5, 100_000)}, false, true},
		"Dictionary": {"a compressed one is held to the end", FormatArrow, Options{}, Policy{Compression: CompressionLZ4}, []arrow.RecordBatch{counted(0, 500), counted(500, 500)}, false, true},
		"Deltas":     {"clients that do not know them get whole dictionaries", FormatArrow, Options{}, Policy{}, []arrow.RecordBatch{words("a", "b"), words("a", "b", "c")}, true, false},
		"Parquet":    {"it is decoded, and encoded for who reads messages", FormatParquet, Options{}, Policy{}, []arrow.RecordBatch{counted(0, cachedRows)}, true, true},
		"Cached":     {"it is encoded for who reads next", FormatParquet, Options{CacheBytes: 1 << 30}, Policy{}, []arrow.RecordBatch{counted(0, cachedRows)}, true, true},
	}
}

// eachWay tests all ways of reading; asks says whether that needs room.
func eachWay(t *testing.T, test func(t *testing.T, tc roomCase, read func(*Scan, int) error, asks bool)) {
	t.Helper()
	for name, tc := range roomCases() {
		t.Run(name+"/messages", func(t *testing.T) { test(t, tc, readMessages, tc.messages) })
		t.Run(name+"/records", func(t *testing.T) { test(t, tc, readRecords, tc.decoded) })
	}
}

// readMessages reads so many messages at most.
func readMessages(scan *Scan, most int) error {
	for range most {
		if _, err := scan.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func readRecords(scan *Scan, most int) error {
	r := scan.Records()
	for range most {
		if !r.Next() {
			return r.Err()
		}
	}
	return nil
}

func (tc roomCase) scan(t *testing.T, room Room) *Scan {
	t.Helper()
	d := openStore(t, tc.options).NewDataset(RandomID(), tc.format)
	d.SetPolicy(tc.policy)
	var batches []Batch
	for _, rec := range tc.records {
		batches = append(batches, Batch{Record: rec})
	}
	mustCommit(t, d, batches...)
	scan := mustScan(t, d)
	scan.DecodeIn(room)
	return scan
}

func TestRoomIsGivenBack(t *testing.T) {
	for name, most := range map[string]int{"ToTheEnd": math.MaxInt, "TheFirst": 1} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, tc roomCase, read func(*Scan, int) error, _ bool) {
				room := &countedRoom{}
				scan := tc.scan(t, room)
				if err := read(scan, most); err != nil {
					t.Fatal(err)
				}
				scan.Release()
				if room.taken != 0 {
					t.Errorf("%d bytes are still taken", room.taken)
				}
			})
		})
	}
}

// TestRoomIsAskedFor has what is reserved be about what is taken then.
func TestRoomIsAskedFor(t *testing.T) {
	const little = 64 << 10
	eachWay(t, func(t *testing.T, tc roomCase, read func(*Scan, int) error, asks bool) {
		room := &countedRoom{}
		if err := read(tc.scan(t, room), math.MaxInt); err != nil {
			t.Fatal(err)
		}
		if (room.reserved > 0) != asks || room.reserved > 2*room.most+little || room.most > 2*room.reserved+little {
			t.Errorf("%d bytes were reserved, %d taken: %s", room.reserved, room.most, tc.reason)
		}
	})
}

func TestRoomIsRefused(t *testing.T) {
	full := errors.New("there is no room")
	eachWay(t, func(t *testing.T, tc roomCase, read func(*Scan, int) error, asks bool) {
		room := &countedRoom{refuse: full}
		scan := tc.scan(t, room)
		err := read(scan, math.MaxInt)
		if errors.Is(err, full) != asks || errors.Is(err, ErrCorrupt) {
			t.Errorf("error %v: %s", err, tc.reason)
		}
		if err != nil && strings.Contains(err.Error(), "segment") {
			t.Errorf("error %q blames a segment", err)
		}
		scan.Release()
		if room.taken != 0 {
			t.Errorf("%d bytes are still taken", room.taken)
		}
	})
}
