package httpdata

import (
	"context"
	"errors"
	"io"
)

// content is what a link gives in one format, to be read from any place. What
// lies before that place is made again and thrown away: the bytes are the same
// each time. One goroutine uses it and closes it.
type content struct {
	ctx    context.Context //nolint:containedctx // of the request that it serves
	write  func(context.Context, io.Writer) error
	size   int64 // -1: not known yet
	offset int64

	reader *io.PipeReader // nil: nothing is being made
	stop   context.CancelFunc
	ended  chan struct{}
}

// Seek moves, and makes all of it once to learn where the end is.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += c.offset
	case io.SeekEnd:
		if c.size < 0 {
			var n counter
			if err := c.write(c.ctx, &n); err != nil {
				return 0, err
			}
			c.size = int64(n)
		}
		offset += c.size
	default:
		return 0, errors.New("httpdata: no such place to seek from")
	}
	if offset != c.offset {
		c.Close()
		c.offset = offset
	}
	return offset, nil
}

// Read gives what comes next.
func (c *content) Read(p []byte) (int, error) {
	if c.reader == nil {
		c.begin()
	}
	n, err := c.reader.Read(p)
	c.offset += int64(n)
	return n, err
}

func (c *content) begin() {
	reader, writer := io.Pipe()
	ctx, stop := context.WithCancel(c.ctx)
	c.reader, c.stop, c.ended = reader, stop, make(chan struct{})
	skip, ended := c.offset, c.ended
	go func() {
		defer close(ended)
		_ = writer.CloseWithError(c.write(ctx, &skipping{to: writer, left: skip})) // it never fails
	}()
}

// Close ends what is being made.
func (c *content) Close() {
	if c.reader == nil {
		return
	}
	c.stop()
	_ = c.reader.Close() // it never fails
	<-c.ended
	c.reader = nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// skipping leaves out the first bytes.
type skipping struct {
	to   io.Writer
	left int64
}

func (s *skipping) Write(p []byte) (int, error) {
	skipped := int(min(s.left, int64(len(p))))
	s.left -= int64(skipped)
	if skipped == len(p) {
		return skipped, nil
	}
	n, err := s.to.Write(p[skipped:])
	return skipped + n, err
}
