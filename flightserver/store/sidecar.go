package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

const (
	// blockBytes is the unit that is verified before a byte of it is used:
	// large enough that sums are few, small enough to stay in a cache.
	blockBytes = 256 << 10

	sidecarMagic       = "FLTSUM1\n"
	sidecarHeaderBytes = len(sidecarMagic) + 4 + 8
	// maxSidecarBytes allows for segments of a TiB, far above what is written.
	maxSidecarBytes = 16 << 20
)

// sidecar has the checksums of a segment's blocks.
type sidecar struct {
	size int64 // of the segment
	sums []uint32
}

func (s sidecar) encode() []byte {
	out := make([]byte, 0, sidecarHeaderBytes+4*len(s.sums))
	out = append(out, sidecarMagic...)
	out = binary.LittleEndian.AppendUint32(out, blockBytes)
	out = binary.LittleEndian.AppendUint64(out, uint64(s.size))
	for _, sum := range s.sums {
		out = binary.LittleEndian.AppendUint32(out, sum)
	}
	return out
}

// decodeSidecar verifies a sidecar against the checksum in the manifest.
func decodeSidecar(b []byte, sum uint32) (sidecar, error) {
	switch {
	case crc32.Checksum(b, castagnoli) != sum:
		return sidecar{}, fmt.Errorf("%w: its checksum is not the manifest's", ErrCorrupt)
	case len(b) < sidecarHeaderBytes || string(b[:len(sidecarMagic)]) != sidecarMagic:
		return sidecar{}, fmt.Errorf("%w: it does not begin as a sidecar", ErrCorrupt)
	}
	b = b[len(sidecarMagic):]
	block, size := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint64(b[4:])
	b = b[12:]
	if block != blockBytes || size > maxSidecarBytes/4*blockBytes || uint64(len(b)) != 4*blocks(size) {
		return sidecar{}, fmt.Errorf("%w: %d bytes of checksums for %d bytes in blocks of %d", ErrCorrupt, len(b), size, block)
	}
	s := sidecar{size: int64(size), sums: make([]uint32, len(b)/4)}
	for i := range s.sums {
		s.sums[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return s, nil
}

func blocks(size uint64) uint64 { return (size + blockBytes - 1) / blockBytes }

// summingWriter computes a sidecar of what passes through it.
type summingWriter struct {
	w     io.Writer
	done  []uint32 // of whole blocks
	sum   uint32   // of the block that is being filled
	total int64
}

func (s *summingWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	for rest := p[:n]; len(rest) > 0; {
		room := blockBytes - int(s.total%blockBytes)
		part := rest[:min(room, len(rest))]
		s.sum = crc32.Update(s.sum, castagnoli, part)
		s.total += int64(len(part))
		rest = rest[len(part):]
		if len(part) == room {
			s.done = append(s.done, s.sum)
			s.sum = 0
		}
	}
	return n, err
}

func (s *summingWriter) sidecar() sidecar {
	sums := s.done
	if s.total%blockBytes != 0 {
		sums = append(sums, s.sum)
	}
	return sidecar{size: s.total, sums: sums}
}

// verifiedReader reads a segment and never gives out a byte of a block whose
// checksum is wrong. It is safe for concurrent use.
type verifiedReader struct {
	file io.ReaderAt
	sidecar

	mu struct {
		sync.Mutex
		// block holds the last block that was needed in part: what is read
		// next usually begins where the last ended.
		block  []byte
		number int64
		// failed is the first error. Decoders may hide it in a text of theirs.
		failed error
	}
}

func newVerifiedReader(file io.ReaderAt, s sidecar) *verifiedReader {
	r := &verifiedReader{file: file, sidecar: s}
	r.mu.number = -1
	return r
}

// failure is the first error of ReadAt that was not the end of the segment.
func (r *verifiedReader) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.failed
}

// ReadAt implements io.ReaderAt. Whole blocks are read straight into p.
func (r *verifiedReader) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset >= r.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > r.size-offset
	if short {
		p = p[:r.size-offset]
	}
	done := 0
	for done < len(p) {
		n, err := r.readBlock(p[done:], offset+int64(done))
		if err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.mu.failed == nil {
				r.mu.failed = err
			}
			return done, err
		}
		done += n
	}
	if short {
		return done, io.EOF
	}
	return done, nil
}

// readBlock fills p with what it wants of the block that offset lies in.
func (r *verifiedReader) readBlock(p []byte, offset int64) (int, error) {
	number := offset / blockBytes
	start := number * blockBytes
	length := min(blockBytes, r.size-start)
	if offset == start && int64(len(p)) >= length {
		return int(length), r.load(p[:length], number)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.number != number {
		if r.mu.block == nil {
			r.mu.block = make([]byte, min(blockBytes, r.size))
		}
		r.mu.number = -1
		if err := r.load(r.mu.block[:length], number); err != nil {
			return 0, err
		}
		r.mu.number = number
	}
	return copy(p, r.mu.block[offset-start:length]), nil
}

// load reads and verifies one whole block.
func (r *verifiedReader) load(p []byte, number int64) error {
	n, err := r.file.ReadAt(p, number*blockBytes)
	if n < len(p) {
		if err == io.EOF {
			return fmt.Errorf("%w: block %d is cut off", ErrCorrupt, number)
		}
		return fmt.Errorf("reading block %d: %w", number, err)
	}
	if crc32.Checksum(p, castagnoli) != r.sums[number] {
		return fmt.Errorf("%w: block %d has a wrong checksum", ErrCorrupt, number)
	}
	return nil
}

// section is the whole segment, for decoders that want an io.Seeker.
func (r *verifiedReader) section() *io.SectionReader {
	return io.NewSectionReader(r, 0, r.size)
}
