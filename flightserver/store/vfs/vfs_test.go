package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// both runs a test on the operating system's file system and on that in
// memory, which must not be told apart.
func both(t *testing.T, test func(t *testing.T, f FS, dir string)) {
	t.Helper()
	t.Run("os", func(t *testing.T) { test(t, OS{}, t.TempDir()) })
	t.Run("memory", func(t *testing.T) {
		m := NewMemory()
		must(t, m.Mkdir("root"))
		test(t, m, "root")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func write(t *testing.T, f FS, name, content string) {
	t.Helper()
	file, err := f.Create(name)
	must(t, err)
	_, err = file.Write([]byte(content))
	must(t, errors.Join(err, file.Sync(), file.Close()))
}

func read(f FS, name string) (content string, err error) {
	file, err := f.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	return string(b), err
}

func TestFS(t *testing.T) {
	both(t, func(t *testing.T, f FS, dir string) {
		a, b, sub := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "sub")
		write(t, f, a, "content")
		_, err := f.Create(a)
		wantErr(t, "create again", err, fs.ErrExist)
		_, err = f.Open(b)
		wantErr(t, "open nothing", err, fs.ErrNotExist)
		must(t, f.Link(a, b))
		wantErr(t, "link again", f.Link(a, b), fs.ErrExist)
		wantErr(t, "link nothing", f.Link(sub, filepath.Join(dir, "c")), fs.ErrNotExist)
		must(t, f.Remove(a))
		if content, err := read(f, b); err != nil || content != "content" {
			t.Errorf("the second name reads %q, %v", content, err)
		}
		must(t, f.Mkdir(sub))
		wantErr(t, "mkdir again", f.Mkdir(sub), fs.ErrExist)
		wantErr(t, "mkdir below nothing", f.Mkdir(filepath.Join(dir, "x", "y")), fs.ErrNotExist)
		write(t, f, filepath.Join(sub, "file"), "")
		if f.Remove(sub) == nil {
			t.Error("a directory with a file can be removed")
		}
		names, err := f.List(dir)
		if err != nil || !slices.Equal(names, []string{"b", "sub"}) {
			t.Errorf("list is %v, %v", names, err)
		}
		_, err = f.List(filepath.Join(dir, "none"))
		wantErr(t, "list nothing", err, fs.ErrNotExist)
		must(t, f.SyncDir(dir))
		used, capacity, err := f.Usage(dir)
		if err != nil || used <= 0 || used > capacity {
			t.Errorf("usage is %d of %d, %v", used, capacity, err)
		}
	})
}

func TestLock(t *testing.T) {
	both(t, func(t *testing.T, f FS, dir string) {
		name := filepath.Join(dir, "LOCK")
		lock, err := f.Lock(name)
		must(t, err)
		_, err = f.Lock(name)
		wantErr(t, "lock again", err, ErrLocked)
		must(t, lock.Close())
		lock, err = f.Lock(name)
		must(t, err)
		must(t, lock.Close())
	})
}

func TestLinkHasOneWinner(t *testing.T) {
	both(t, func(t *testing.T, f FS, dir string) {
		write(t, f, filepath.Join(dir, "from"), "x")
		var wins atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if f.Link(filepath.Join(dir, "from"), filepath.Join(dir, "to")) == nil {
					wins.Add(1)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Errorf("%d links won", wins.Load())
		}
	})
}

func TestCrashClone(t *testing.T) {
	m := NewMemory()
	must(t, m.Mkdir("d"))
	write(t, m, "d/durable", "all of it")
	must(t, m.SyncDir("d"))
	must(t, m.SyncDir(""))
	write(t, m, "d/unnamed", "its name is not synced")
	torn, err := m.Create("d/torn")
	must(t, err)
	_, err = torn.Write([]byte("1234"))
	must(t, errors.Join(err, torn.Sync()))
	must(t, m.SyncDir("d"))
	_, err = torn.Write([]byte("5678"))
	must(t, err)
	must(t, m.Remove("d/durable"))
	write(t, m, "d/late", "x")

	for name, tc := range map[string]struct {
		survives func() bool
		want     map[string]string
	}{
		"nothing survives":    {nil, map[string]string{"d/durable": "all of it", "d/torn": "1234", "d/unnamed": "its name is not synced"}},
		"everything survives": {func() bool { return true }, map[string]string{"d/torn": "123456", "d/late": "x", "d/unnamed": "its name is not synced"}},
	} {
		c := m.CrashClone(tc.survives)
		names, err := c.List("d")
		if err != nil || len(names) != len(tc.want) {
			t.Errorf("%s: found %v, %v", name, names, err)
		}
		for file, want := range tc.want {
			if got, err := read(c, file); err != nil || got != want {
				t.Errorf("%s: %s holds %q, %v, want %q", name, file, got, err, want)
			}
		}
	}
}
