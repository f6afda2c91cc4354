package store

import "strings"

// OwnFile is the one Parquet file that a partition is stored as. No byte is
// given that differs from what was written. It is an io.ReaderAt for any number
// of goroutines.
type OwnFile struct {
	scan  *Scan
	local *LocalSegment
	bytes *verifiedReader
}

// OwnFile opens the partition's Parquet file, which is closed before the scan is
// released; nil where the partition is of another format, or not one file. It
// precedes Next and Records.
func (s *Scan) OwnFile() (*OwnFile, error) {
	if s.snapshot == nil || s.snapshot.dataset.format != FormatParquet || len(s.segments) != 1 {
		return nil, nil //nolint:nilnil // as documented
	}
	d := s.snapshot.dataset
	s.current = s.segments[0]
	local, bytes, err := openVerified(s.ctx, d.store.segments, s.current.name(d.id), s.current)
	if err != nil {
		return nil, s.explain(err)
	}
	return &OwnFile{scan: s, local: local, bytes: bytes}, nil
}

// ReadAt implements io.ReaderAt.
func (f *OwnFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := f.bytes.ReadAt(p, offset)
	if failure := f.bytes.failure(); err != nil && failure != nil {
		err = f.scan.explain(failure)
	}
	return n, err
}

// Size is that of the file.
func (f *OwnFile) Size() int64 { return f.bytes.size }

// Close lets go of the file.
func (f *OwnFile) Close() error { return f.local.Close() }

// Layout names the files that are read, which are never written twice: while it
// is the same, so is what Next gives. Compaction makes another of the same rows.
func (s *Scan) Layout() string {
	var names []string
	for _, segment := range s.segments {
		names = append(names, segment.name(""))
	}
	return strings.Join(names, " ")
}
