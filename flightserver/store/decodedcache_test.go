package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/time/rate"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

// cachedRows are read in several messages.
const cachedRows = 5000

var cachedWords = []string{"one", "two", "three"}

// counted is a record of ascending numbers, each beside a word of a dictionary
// and a KiB that is made of the number.
func counted(first, rows int) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "word", Type: dictionary(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String), Nullable: true},
		{Name: "bytes", Type: arrow.BinaryTypes.Binary},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for n := first; n < first+rows; n++ {
		b.Field(0).(*array.Int64Builder).Append(int64(n))
		_ = b.Field(1).(*array.BinaryDictionaryBuilder).AppendString(cachedWords[n%len(cachedWords)]) // memory is all that it needs
		b.Field(2).(*array.BinaryBuilder).Append(kibibyte(n))
	}
	return b.NewRecordBatch()
}

func kibibyte(n int) []byte {
	return bytes.Repeat(binary.LittleEndian.AppendUint64(nil, uint64(n)), 128)
}

// wantCounted reads on from a row to the end.
func wantCounted(t *testing.T, r array.RecordReader, from, to int) {
	t.Helper()
	for from < to && r.Next() {
		numbers := r.RecordBatch().Column(0).(*array.Int64)
		texts := r.RecordBatch().Column(1).(*array.Dictionary)
		blobs := r.RecordBatch().Column(2).(*array.Binary)
		for i := range numbers.Len() {
			word := texts.Dictionary().(*array.String).Value(texts.GetValueIndex(i))
			if numbers.Value(i) != int64(from) || word != cachedWords[from%len(cachedWords)] || !bytes.Equal(blobs.Value(i), kibibyte(from)) {
				t.Fatalf("row %d is %d, %q, %x", from, numbers.Value(i), word, blobs.Value(i))
			}
			from++
		}
	}
	if from != to || r.Next() || r.Err() != nil {
		t.Fatalf("%d rows came, want %d: %v", from, to, r.Err())
	}
}

// decoded gives what a scan's messages mean to a client.
func decoded(t *testing.T, s *Scan) array.RecordReader {
	t.Helper()
	r, err := ipc.NewReaderFromMessageReader(&messageReader{schema: s.SchemaMessage(), room: s.room, next: s.Next})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Release)
	return r
}

// ways are those of reading a scan.
var ways = map[string]func(*testing.T, *Scan) array.RecordReader{
	"messages": decoded,
	"records":  func(_ *testing.T, s *Scan) array.RecordReader { return s.Records() },
}

// parquetOf makes a dataset of a segment for each number of rows.
func parquetOf(t *testing.T, s *Store, rows ...int) *Dataset {
	t.Helper()
	d := s.NewDataset(RandomID(), FormatParquet)
	first := 0
	for i, n := range rows {
		mustAdd(t, d, fmt.Sprint("upload ", i), false, counted(first, n))
		first += n
	}
	return d
}

func mustAdd(t *testing.T, d *Dataset, upload string, replace bool, rec arrow.RecordBatch) {
	t.Helper()
	w, err := d.NewWriter(rec.Schema())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), Batch{Record: rec}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context(), upload, replace); err != nil {
		t.Fatal(err)
	}
}

// read reads a dataset to its end and waits until the cache has it.
func read(t *testing.T, d *Dataset, rows int) {
	t.Helper()
	for _, way := range ways {
		readAs(t, d, rows, way)
	}
}

func readAs(t *testing.T, d *Dataset, rows int, way func(*testing.T, *Scan) array.RecordReader) {
	t.Helper()
	snapshot, err := d.Acquire(d.Newest().Number)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := snapshot.Scan(t.Context(), "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	wantCounted(t, way(t, scan), 0, rows)
	scan.Release()
	d.store.cache.settling.Wait()
}

// wantCached compares what the cache knows, and what lies in it, with the number
// of segments that it should have.
func wantCached(t *testing.T, s *Store, segments int) {
	t.Helper()
	s.cache.mu.Lock()
	known, whole, bytes := len(s.cache.mu.known), s.cache.mu.recent.Len(), s.cache.mu.bytes
	s.cache.mu.Unlock()
	names, err := s.dirs.list(cacheDir)
	if err != nil {
		t.Fatal(err)
	}
	if known != segments || whole != segments || len(names) != 2*segments || (bytes > 0) != (segments > 0) {
		t.Errorf("%d segments, %d whole, %d bytes, files %q, want %d segments", known, whole, bytes, names, segments)
	}
}

// cachingStores are stores of both kinds of file systems.
func cachingStores(t *testing.T, test func(*testing.T, *Store)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, openStore(t, Options{CacheBytes: 1 << 30})) })
	t.Run("disk", func(t *testing.T) { test(t, openOnDisk(t, t.TempDir())) })
}

// openOnDisk opens a store with a cache, on a volume that is never short.
func openOnDisk(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{
		Dir: dir, FS: roomyFS{vfs.OS{}}, Clock: testclock.NewFakeClock(time.Unix(1e9, 0)),
		Logger: slog.New(slog.DiscardHandler), CacheBytes: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

type roomyFS struct{ vfs.FS }

func (roomyFS) Usage(string) (used, capacity int64, err error) { return 0, 1 << 40, nil }

func TestCacheServes(t *testing.T) {
	cachingStores(t, func(t *testing.T, s *Store) {
		d := parquetOf(t, s, cachedRows, 10)
		first := mustScan(t, d)
		wantCounted(t, decoded(t, first), 0, cachedRows+10)
		s.cache.settling.Wait()
		wantCached(t, s, 2)

		scan := mustScan(t, d)
		if m, err := scan.Next(); err != nil || m.Memory == nil {
			t.Errorf("the second reader gets %v, %v, which is not mapped", m.Memory, err)
		}
		read(t, d, cachedRows+10)
		wantCached(t, s, 2)
	})
}

// TestCacheFilledByRecords: a reader of records leaves messages as well.
func TestCacheFilledByRecords(t *testing.T) {
	s := openStore(t, Options{CacheBytes: 1 << 30})
	d := parquetOf(t, s, cachedRows)
	wantCounted(t, mustScan(t, d).Records(), 0, cachedRows)
	s.cache.settling.Wait()
	wantCached(t, s, 1)
	read(t, d, cachedRows)
}

// TestCachePrunes: a reader that prunes leaves bounds to those that follow, and
// reads all where there are none.
func TestCachePrunes(t *testing.T) {
	for name, tc := range map[string]struct {
		first func(Stats) bool
		want  func(rows int64) bool
	}{
		"after one that prunes": {func(Stats) bool { return true }, func(rows int64) bool { return 0 < rows && rows < cachedRows/2 }},
		"after one that reads":  {nil, func(rows int64) bool { return rows == cachedRows }},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, Options{CacheBytes: 1 << 30})
			d := parquetOf(t, s, cachedRows)
			first := mustScan(t, d)
			first.Prune(tc.first)
			wantCounted(t, first.Records(), 0, cachedRows)
			s.cache.settling.Wait()
			scan := mustScan(t, d)
			scan.Prune(func(s Stats) bool {
				_, highest, ok := s.Columns[0].Ints()
				return !ok || highest >= cachedRows-1
			})
			rows := int64(0)
			for r := scan.Records(); r.Next(); {
				rows += r.RecordBatch().NumRows()
			}
			if !tc.want(rows) {
				t.Errorf("%d rows came of the batch that has the last one", rows)
			}
		})
	}
}

func TestCacheOff(t *testing.T) {
	s := openStore(t, Options{})
	d := parquetOf(t, s, cachedRows)
	read(t, d, cachedRows)
	if names, err := s.options.FS.List("data"); err != nil || strings.Contains(fmt.Sprint(names), cacheDir) {
		t.Errorf("the data directory has %q, %v", names, err)
	}
}

// TestCacheOneFills reads with two readers at once: one fills, one only reads.
func TestCacheOneFills(t *testing.T) {
	cachingStores(t, func(t *testing.T, s *Store) {
		d := parquetOf(t, s, cachedRows)
		scans := []*Scan{mustScan(t, d), mustScan(t, d)}
		for _, scan := range scans {
			if _, err := scan.Next(); err != nil { // the dictionary
				t.Fatal(err)
			}
		}
		if names, err := s.dirs.list(cacheDir); err != nil || len(names) != 1 {
			t.Errorf("two readers fill %q, %v", names, err)
		}
		for _, scan := range scans {
			for rows := int64(0); rows < cachedRows; {
				m, err := scan.Next()
				if err != nil {
					t.Fatal(err)
				}
				rows += m.Rows
			}
			if _, err := scan.Next(); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		}
		s.cache.settling.Wait()
		wantCached(t, s, 1)
	})
}

// TestCacheHalfRead: what was not read to its end is served to nobody.
func TestCacheHalfRead(t *testing.T) {
	cachingStores(t, func(t *testing.T, s *Store) {
		d := parquetOf(t, s, cachedRows)
		for name, way := range ways {
			scan := mustScan(t, d)
			if !way(t, scan).Next() {
				t.Fatal(name)
			}
			scan.Release()
			s.cache.settling.Wait()
			wantCached(t, s, 0)
		}
		read(t, d, cachedRows)
		wantCached(t, s, 1)
	})
}

// cachedFile is the one decoded segment of a store on disk.
func cachedFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, cacheDir, "*"+sidecarSuffix))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	return strings.TrimSuffix(files[0], sidecarSuffix)
}

// flip turns a bit of a file.
func flip(t *testing.T, name string, at func(size int64) int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	_, rerr := f.ReadAt(b, at(info.Size()))
	b[0] ^= 4
	_, werr := f.WriteAt(b, at(info.Size()))
	if err := errors.Join(rerr, werr, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestCacheDamaged damages a decoded segment while it is read, and before it is:
// the reader gets each row once, and the next one the segment made anew.
func TestCacheDamaged(t *testing.T) {
	inside := func(part int64) func(*testing.T, string) {
		return func(t *testing.T, file string) {
			flip(t, file, func(size int64) int64 { return size * part / 8 })
		}
	}
	for name, tc := range map[string]struct {
		damage func(*testing.T, string)
		before bool // it is found when the segment is opened
	}{
		"first message": {damage: inside(1)},
		"in the middle": {damage: inside(4)},
		"last message":  {damage: inside(7)},
		"cut":           {damage: func(t *testing.T, file string) { truncate(t, file, 2) }},
		"emptied":       {damage: func(t *testing.T, file string) { truncate(t, file, 1<<40) }, before: true},
		"removed":       {damage: func(t *testing.T, file string) { remove(t, file) }, before: true},
		"index": {damage: func(t *testing.T, file string) {
			flip(t, file+sidecarSuffix, func(size int64) int64 { return size / 2 })
		}, before: true},
		"index cut":      {damage: func(t *testing.T, file string) { truncate(t, file+sidecarSuffix, 2) }, before: true},
		"index removed":  {damage: func(t *testing.T, file string) { remove(t, file+sidecarSuffix) }, before: true},
		"index is large": {damage: func(t *testing.T, file string) { grow(t, file+sidecarSuffix) }, before: true},
	} {
		for how, way := range ways {
			t.Run(name+" "+how, func(t *testing.T) {
				dir := t.TempDir()
				s := openOnDisk(t, dir)
				d := parquetOf(t, s, cachedRows)
				readAs(t, d, cachedRows, way)
				s.mappings.forget(cacheDir) // what was verified is verified again
				scan := mustScan(t, d)
				r := way(t, scan)
				if tc.before {
					tc.damage(t, cachedFile(t, dir))
					wantCounted(t, r, 0, cachedRows)
				} else {
					if err := scan.open(); err != nil {
						t.Fatal(err)
					}
					tc.damage(t, cachedFile(t, dir))
					wantCounted(t, r, 0, cachedRows)
					wantCached(t, s, 0)
				}
				s.cache.settling.Wait()
				readAs(t, d, cachedRows, way)
				wantCached(t, s, 1)
			})
		}
	}
}

func truncate(t *testing.T, name string, divisor int64) {
	t.Helper()
	info, err := os.Stat(name)
	if err == nil {
		err = os.Truncate(name, info.Size()/divisor)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func grow(t *testing.T, name string) {
	t.Helper()
	if err := os.Truncate(name, maxSidecarBytes+1); err != nil {
		t.Fatal(err)
	}
}

// TestCacheFailures fails one operation on the cache's files after the other.
// None may fail a read or change what it gives, and the cache keeps no files
// that it does not know.
func TestCacheFailures(t *testing.T) {
	const rows = 2100 // two messages
	for n := int64(0); ; n++ {
		nth := &errorfs.Nth{N: n, Err: errors.New("injected")}
		armed := atomic.Bool{}
		fsys := errorfs.New(vfs.NewMemory(), func(op errorfs.Op) error {
			if armed.Load() && (strings.HasPrefix(op.Name, filepath.Join("data", cacheDir)) || op.Kind == errorfs.Usage) {
				return nth.Inject(op)
			}
			return nil
		})
		clock := testclock.NewFakeClock(time.Unix(1e9, 0))
		s := openStore(t, Options{FS: fsys, CacheBytes: 1 << 30, Clock: clock})
		d := parquetOf(t, s, rows)
		armed.Store(true)
		clock.Step(time.Hour) // what was known of the volume is old
		readAs(t, d, rows, ways["messages"])
		s.mappings.forget(cacheDir)
		readAs(t, d, rows, ways["records"])
		s.cache.leave(1<<40, 0, 0)
		readAs(t, d, rows, ways["messages"])
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		armed.Store(false)
		s = openStore(t, Options{FS: fsys, CacheBytes: 1 << 30})
		wantCached(t, s, 0)
		if !nth.Done() {
			if n < 20 {
				t.Errorf("only %d operations were seen", n)
			}
			return
		}
	}
}

func TestCacheEvicts(t *testing.T) {
	s := openStore(t, Options{CacheBytes: 1 << 30})
	a, b, c := parquetOf(t, s, cachedRows), parquetOf(t, s, cachedRows), parquetOf(t, s, cachedRows)
	read(t, a, cachedRows)
	s.cache.limit = s.cache.size() * 5 / 2
	read(t, b, cachedRows)
	read(t, a, cachedRows) // so that b was not used for longest
	held := mustScan(t, b)
	if _, err := held.Next(); err != nil {
		t.Fatal(err)
	}
	read(t, a, cachedRows)
	read(t, c, cachedRows)
	wantCached(t, s, 2)
	for name, want := range map[*Dataset]bool{a: true, b: false, c: true} {
		segment := name.newest.Load().segments()[0].name(name.id)
		if got := s.cache.lookup(segment) != nil; got != want {
			t.Errorf("segment %s is cached: %v, want %v", segment, got, want)
		}
	}
	wantCounted(t, decoded(t, mustScan(t, b)), 0, cachedRows)
	for { // who mapped what was evicted reads on
		if _, err := held.Next(); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
	}
}

// TestCacheTooSmall: a segment that is larger than the cache evicts nothing.
func TestCacheTooSmall(t *testing.T) {
	s := openStore(t, Options{CacheBytes: 1 << 30})
	small, large := parquetOf(t, s, 100), parquetOf(t, s, cachedRows)
	read(t, small, 100)
	s.cache.limit = 1 << 20
	read(t, large, cachedRows)
	wantCached(t, s, 1)
}

// shortFS is a volume that has as much free as the test says.
type shortFS struct {
	vfs.FS
	free atomic.Int64
}

func (f *shortFS) Usage(string) (used, capacity int64, err error) {
	return 1000 - f.free.Load(), 1000, nil
}

// TestCacheGivesWay: on a volume that runs short nothing is kept, and again once
// there is room.
func TestCacheGivesWay(t *testing.T) {
	fsys := &shortFS{FS: vfs.NewMemory()}
	fsys.free.Store(500)
	clock := testclock.NewFakeClock(time.Unix(1e9, 0))
	s := openStore(t, Options{FS: fsys, Clock: clock, CacheBytes: 1 << 30, Space: Space{MinFree: 50}})
	d := parquetOf(t, s, cachedRows)
	for _, step := range []struct {
		free int64
		want int
	}{{500, 1}, {99, 0}, {10, 0}, {99, 0}, {100, 1}} {
		fsys.free.Store(step.free)
		clock.Step(2 * freeFor)
		if err := s.checkFree(); (err != nil) != (step.free < 50) {
			t.Errorf("%d free: %v", step.free, err)
		}
		read(t, d, cachedRows)
		wantCached(t, s, step.want)
	}
}

// TestCacheOutlivesNothing drops, replaces and compacts what is cached.
func TestCacheOutlivesNothing(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *Store, *Dataset){
		"dropped":  func(_ *testing.T, _ *Store, d *Dataset) { d.Drop() },
		"replaced": func(t *testing.T, _ *Store, d *Dataset) { mustAdd(t, d, "replacing", true, counted(0, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			cachingStores(t, func(t *testing.T, s *Store) {
				d := parquetOf(t, s, cachedRows)
				read(t, d, cachedRows)
				scan := mustScan(t, d)
				r := decoded(t, scan)
				if !r.Next() {
					t.Fatal(r.Err())
				}
				end(t, s, d)
				s.Sweep(t.Context())
				wantCached(t, s, 1) // it is being read
				scan.Release()
				s.Sweep(t.Context())
				wantCached(t, s, 0)
			})
		})
	}
}

// TestCacheAndCompaction: compaction reads what is cached, keeps nothing, and
// takes what it replaced out of the cache.
func TestCacheAndCompaction(t *testing.T) {
	s := openStore(t, Options{CacheBytes: 1 << 30})
	rows := make([]int, compactFrom)
	for i := range rows {
		rows[i] = 100
	}
	d := parquetOf(t, s, rows...)
	scan := mustScan(t, d) // reads half of the segments
	total := 0
	for r := scan.Records(); total < 50*compactFrom && r.Next(); {
		total += int(r.RecordBatch().NumRows())
	}
	scan.Release()
	s.cache.settling.Wait()
	before := s.cache.size()
	if before == 0 {
		t.Fatal("nothing is cached")
	}
	if done, err := d.Compact(t.Context(), rate.NewLimiter(rate.Inf, 1)); !done || err != nil {
		t.Fatal(done, err)
	}
	if after := s.cache.size(); after != before {
		t.Errorf("compaction left %d bytes in the cache, which had %d", after, before)
	}
	s.Sweep(t.Context())
	wantCached(t, s, 0)
	read(t, d, 100*compactFrom)
	wantCached(t, s, 1)
}

// TestCacheClose closes the store under a reader that fills and one that reads
// what is cached; both come to their ends.
func TestCacheClose(t *testing.T) {
	cachingStores(t, func(t *testing.T, s *Store) {
		cached, fresh := parquetOf(t, s, cachedRows), parquetOf(t, s, cachedRows)
		read(t, cached, cachedRows)
		var readers []array.RecordReader
		var at []int
		for _, d := range []*Dataset{cached, fresh} {
			r := decoded(t, mustScan(t, d))
			if !r.Next() {
				t.Fatal(r.Err())
			}
			readers, at = append(readers, r), append(at, int(r.RecordBatch().NumRows()))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for i, r := range readers {
			wantCounted(t, r, at[i], cachedRows)
		}
		s.cache.settling.Wait()
		wantCached(t, s, 1)
	})
}

// TestCacheAfterCrash: a start keeps nothing, whatever of the cache survived, and
// neither a check nor the catalog's look at what lies there minds it.
func TestCacheAfterCrash(t *testing.T) {
	fsys := vfs.NewMemory()
	s := openStore(t, Options{FS: fsys, CacheBytes: 1 << 30})
	d := parquetOf(t, s, cachedRows)
	read(t, d, cachedRows)
	if _, err := mustScan(t, parquetOf(t, s, cachedRows)).Next(); err != nil { // half-filled
		t.Fatal(err)
	}
	crashed := fsys.CrashClone(func() bool { return true })
	c, err := NewChecker(crashed, "data")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := c.DatasetIDs(t.Context())
	if err != nil || len(ids) != 2 {
		t.Errorf("the check finds %q, %v", ids, err)
	}
	for _, id := range ids {
		report := func(file string, err error) { t.Errorf("%s: %v", file, err) }
		if err := c.Check(t.Context(), id, report); err != nil {
			t.Error(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	s = openStore(t, Options{FS: crashed, CacheBytes: 1 << 30})
	wantCached(t, s, 0)
	loaded, err := s.LoadDataset(t.Context(), d.id, FormatParquet)
	if err != nil {
		t.Fatal(err)
	}
	read(t, loaded, cachedRows)
	wantCached(t, s, 1)
}

// TestCacheNotEmptied: a cache that cannot be emptied stops no start.
func TestCacheNotEmptied(t *testing.T) {
	mem := vfs.NewMemory()
	s := openStore(t, Options{FS: mem, CacheBytes: 1 << 30})
	d := parquetOf(t, s, cachedRows)
	read(t, d, cachedRows)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, Options{CacheBytes: 1 << 30, FS: errorfs.New(mem, func(op errorfs.Op) error {
		if strings.Contains(op.Name, cacheDir) {
			return errors.New("injected")
		}
		return nil
	})})
	loaded, err := s.LoadDataset(t.Context(), d.id, FormatParquet)
	if err != nil {
		t.Fatal(err)
	}
	read(t, loaded, cachedRows)
}

// TestCacheRace has readers, evictions, damage and drops meet.
func TestCacheRace(t *testing.T) {
	const rows = 1500
	cachingStores(t, func(t *testing.T, s *Store) {
		var wg sync.WaitGroup
		for range 3 {
			d := parquetOf(t, s, rows)
			segment := d.newest.Load().segments()[0].name(d.id)
			for range 3 {
				wg.Go(func() {
					for i := range 30 {
						snapshot, err := d.Acquire(1)
						if err != nil {
							t.Error(err)
							return
						}
						scan, err := snapshot.Scan(t.Context(), "test", 0)
						if err != nil {
							t.Error(err)
							return
						}
						if i%5 > 0 { // else the reader gives up at once
							if n, err := count(scan); n != rows || err != nil {
								t.Errorf("%d rows, %v", n, err)
							}
						} else if _, err := scan.Next(); err != nil {
							t.Error(err)
						}
						scan.Release()
					}
				})
			}
			wg.Go(func() {
				for i := range 60 {
					switch i % 3 {
					case 0:
						s.cache.leave(1<<40, 0, 0)
					case 1:
						s.cache.drop(segment)
					default:
						if known := s.cache.lookup(segment); known != nil {
							s.cache.discard(known, errors.New("made up"))
						}
					}
					s.cache.leave(1000, 1000, 0) // there is room again
				}
			})
		}
		wg.Wait()
		s.cache.settling.Wait()
		s.cache.leave(1<<40, 0, 0)
		wantCached(t, s, 0)
	})
}

func count(s *Scan) (rows int64, err error) {
	for {
		m, err := s.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows += m.Rows
	}
}
