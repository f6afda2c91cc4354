package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// disk is an output with the rules of O_DIRECT, and whims of its own.
type disk struct {
	block   int   // what direct writes are multiples of
	refuses error // of who turns direct writing on
	stuck   error // of who turns it off
	room    int   // bytes; beyond is what full says
	full    error
	short   int // a direct write ends behind so many bytes, with EINVAL

	direct  bool
	turned  int // how often direct writing was turned on, or was to be
	around  int // bytes that went around the page cache
	content []byte
}

func (d *disk) setDirect(on bool) error {
	if on {
		d.turned++
		if d.refuses != nil {
			return d.refuses
		}
	} else if d.stuck != nil {
		return d.stuck
	}
	d.direct = on
	return nil
}

func (d *disk) Write(p []byte) (int, error) {
	n, err := len(p), error(nil)
	if d.direct {
		address := int(uintptr(unsafe.Pointer(unsafe.SliceData(p))))
		if (address%PageBytes|len(p)|len(d.content))%d.block != 0 {
			return 0, unix.EINVAL
		}
		if d.short > 0 && n > d.short {
			n, err = d.short, unix.EINVAL
		}
	}
	if left := d.room - len(d.content); d.full != nil && n > left {
		n, err = left, d.full
	}
	if d.direct {
		d.around += n
	}
	d.content = append(d.content, p[:n]...)
	return n, err
}

// pages gives bytes on a page's boundary, which differ from those of other
// seeds.
func pages(n int, seed byte) []byte {
	b := make([]byte, n+PageBytes)
	b = b[-int(uintptr(unsafe.Pointer(unsafe.SliceData(b))))&(PageBytes-1):][:n]
	for i := range b {
		b[i] = seed ^ byte(i>>12) ^ byte(i)
	}
	return b
}

// pieces are what a segment's writer hands on: whole pages, and the rest.
func pieces() [][]byte {
	return [][]byte{
		pages(DirectBytes, 1), pages(DirectBytes+3*PageBytes, 2), pages(2*PageBytes, 3),
		pages(DirectBytes, 4), pages(DirectBytes+1, 5), pages(DirectBytes, 6), pages(77, 7),
	}
}

// TestDirectWriting: whatever a system makes of direct writing, all that is
// acknowledged lies in the file, in order, and nothing else.
func TestDirectWriting(t *testing.T) {
	const direct = 3*DirectBytes + 3*PageBytes // what of pieces may go around the page cache
	for name, tc := range map[string]struct {
		reason string
		disk   disk
		turned int
		around int
		err    error
	}{
		"agrees":      {reason: "small pieces come between", turned: 2, around: direct},
		"refuses":     {reason: "it is asked once", disk: disk{refuses: unix.EINVAL}, turned: 1},
		"only seems":  {reason: "each write fails with EINVAL", disk: disk{block: 1 << 30}, turned: 1},
		"large block": {reason: "three pages are no multiple of it", disk: disk{block: 16 * PageBytes}, turned: 1, around: DirectBytes},
		"short":       {reason: "the rest is no longer aligned", disk: disk{short: 3*PageBytes + 512}, turned: 1, around: 3*PageBytes + 512},
		"full":        {disk: disk{room: DirectBytes + 5000, full: unix.ENOSPC}, turned: 1, around: DirectBytes + 5000, err: unix.ENOSPC},
		"full at end": {disk: disk{room: direct + 2*PageBytes + 100, full: unix.ENOSPC}, turned: 2, around: direct, err: unix.ENOSPC},
		"broken":      {reason: "nothing is written twice", disk: disk{room: 100, full: unix.EIO}, turned: 1, around: 100, err: unix.EIO},
		"stuck":       {reason: "it cannot be turned off", disk: disk{stuck: unix.EIO}, turned: 1, around: 2*DirectBytes + 3*PageBytes, err: unix.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			d := tc.disk
			d.block = max(d.block, 512)
			f := &newFile{out: &d}
			acknowledged, err := writePieces(f)
			if !errors.Is(err, tc.err) || !bytes.Equal(d.content, acknowledged) || f.written != int64(len(d.content)) {
				t.Errorf("%v, %d bytes were acknowledged, the file has %d and knows of %d", err, len(acknowledged), len(d.content), f.written)
			}
			if d.turned != tc.turned || d.around != tc.around {
				t.Errorf("turned on %d times, %d bytes written so, want %d and %d", d.turned, d.around, tc.turned, tc.around)
			}
		})
	}
}

// writePieces gives what a file said to have written.
func writePieces(f *newFile) (acknowledged []byte, err error) {
	for i, p := range pieces() {
		n, err := f.Write(p)
		acknowledged = append(acknowledged, p[:n]...)
		if err != nil {
			return acknowledged, err
		}
		if n != len(p) {
			return acknowledged, fmt.Errorf("%d of the %d bytes of piece %d, and no error", n, len(p), i)
		}
	}
	return acknowledged, nil
}

// TestDirectWritingAfterFailure goes on behind what a full disk took: its caller
// may, once there is room.
func TestDirectWritingAfterFailure(t *testing.T) {
	for room := range DirectBytes / 100_000 {
		d := disk{block: 512, room: room*100_000 + room, full: unix.ENOSPC}
		f := &newFile{out: &d}
		first, err := writePieces(f)
		wantErr(t, "a full disk", err, unix.ENOSPC)
		d.full = nil
		second, err := writePieces(f)
		must(t, err)
		if want := append(first, second...); !bytes.Equal(d.content, want) { //nolint:gocritic // first is used no more
			t.Errorf("with room for %d bytes the file has %d others", d.room, len(d.content))
		}
	}
}

// TestDirectWritingOnDisk does it on what the tests run on.
func TestDirectWritingOnDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	file, err := OS{}.Create(name)
	must(t, err)
	acknowledged, err := writePieces(file.(*newFile))
	must(t, errors.Join(err, file.Sync(), file.Close()))
	if content, err := read(OS{}, name); err != nil || content != string(acknowledged) {
		t.Errorf("the file has %d bytes, want %d: %v", len(content), len(acknowledged), err)
	}
}
