package wire

import (
	"encoding/binary"
	"math"
)

// batchWalk goes through the nodes and buffers of a record batch as a decoder
// does.
type batchWalk struct {
	batch      table
	body       []byte
	version    int16
	compressed bool

	decompressed int64 // all buffers

	node, buffer, view int // the next one
}

// check finds what a decoder reads for a layout, and that it is there and as
// long as the numbers of values say.
func (w *batchWalk) check(need layout) error {
	rows := w.batch.int64Field(batchLength)
	if rows < 0 || rows > math.MaxInt32 {
		return malformed("%d rows in a batch, between 0 and %d are legal", rows, math.MaxInt32)
	}
	_, w.compressed = w.batch.tableField(batchCompression)
	if w.version < versionV5 {
		need.buffers += need.old
	}
	for _, check := range []func(layout) error{w.checkNodes, w.checkVariadic, w.checkBuffers} {
		if err := check(need); err != nil {
			return err
		}
	}
	for columns := need.columns; len(columns) > 0; {
		at := w.node
		rest, n, err := w.column(columns)
		if err != nil {
			return err
		}
		if n != rows {
			return malformed("column node %d has length %d, the batch has %d rows", at, n, rows)
		}
		columns = rest
	}
	return nil
}

// exact says whether a layout that was checked is all that there is.
func (w *batchWalk) exact() bool {
	return !w.compressed && w.node == w.batch.vectorLen(batchNodes) &&
		w.buffer == w.batch.vectorLen(batchBuffers) && w.view == w.batch.vectorLen(batchVariadic)
}

func (w *batchWalk) checkNodes(need layout) error {
	if n := w.batch.vectorLen(batchNodes); n < need.nodes {
		return malformed("it has %d column nodes, the schema needs %d", n, need.nodes)
	}
	for i := range w.batch.vectorLen(batchNodes) {
		length, nulls := w.batch.pairAt(batchNodes, i)
		if length < 0 || length > math.MaxInt64>>6 { // shifts to bits and bytes must not overflow
			return malformed("column node %d has length %d", i, length)
		}
		if nulls < -1 || nulls > length {
			return malformed("column node %d has %d nulls among %d values", i, nulls, length)
		}
	}
	return nil
}

// checkVariadic keeps the counts of view columns' buffers, and the buffers that
// the schema needs beside them, within the buffers that there are: a decoder
// makes room for as many as are said, and reads on behind the last one.
func (w *batchWalk) checkVariadic(need layout) error {
	views := w.batch.vectorLen(batchVariadic)
	if views < need.views {
		return malformed("it has %d counts of view buffers, the schema needs %d", views, need.views)
	}
	buffers := w.batch.vectorLen(batchBuffers)
	left := int64(buffers - need.buffers)
	for i := range views {
		n := w.batch.int64At(batchVariadic, i)
		if n < 0 || n > int64(buffers) {
			return malformed("view column %d claims %d buffers of %d", i, n, buffers)
		}
		left -= n
	}
	if left < 0 {
		return malformed("it has %d buffers, %d too few for the schema", buffers, -left)
	}
	return nil
}

func (w *batchWalk) checkBuffers(layout) error {
	for i := range w.batch.vectorLen(batchBuffers) {
		offset, length := w.batch.pairAt(batchBuffers, i)
		if offset < 0 || length < 0 || offset > int64(len(w.body)) || length > int64(len(w.body))-offset {
			return malformed("buffer %d lies at %d with length %d, the body has %d bytes", i, offset, length, len(w.body))
		}
		if offset%8 != 0 {
			return malformed("buffer %d lies at %d, which is no multiple of 8", i, offset)
		}
		if !w.compressed || length == 0 {
			continue
		}
		size, err := uncompressedSize(i, w.body[offset:offset+length])
		if err != nil {
			return err
		}
		if w.decompressed += size; w.decompressed > MaxMessageBytes {
			return malformed("its buffers decompress to more than %d bytes", MaxMessageBytes)
		}
	}
	return nil
}

// uncompressedSize reads the length that precedes a compressed buffer; -1 there
// says that the buffer is as it is.
func uncompressedSize(i int, buffer []byte) (int64, error) {
	const prefix = 8
	if len(buffer) < prefix {
		return 0, malformed("compressed buffer %d has %d bytes, too few for its length", i, len(buffer))
	}
	size := int64(binary.LittleEndian.Uint64(buffer))
	if size == -1 {
		return int64(len(buffer) - prefix), nil
	}
	if size < 0 || size > MaxMessageBytes {
		return 0, malformed("compressed buffer %d claims %d bytes, at most %d are legal", i, size, MaxMessageBytes)
	}
	return size, nil
}

// column checks the first of the columns, with what is nested in it, and gives
// those behind and its number of values.
func (w *batchWalk) column(columns []column) (rest []column, n int64, err error) {
	c, rest := columns[0], columns[1:]
	at := w.node
	n, nulls := w.batch.pairAt(batchNodes, at)
	w.node++
	if err := w.buffers(c, at, n, nulls); err != nil {
		return nil, 0, err
	}
	for range c.children {
		var length int64
		child := w.node
		if rest, length, err = w.column(rest); err != nil {
			return nil, 0, err
		}
		if c.each > 0 && length/c.each < n {
			return nil, 0, malformed("column node %d has length %d, too few for the %d values of node %d that it is part of", child, length, n, at)
		}
	}
	return rest, n, nil
}

func (w *batchWalk) buffers(c column, at int, n, nulls int64) error {
	if err := w.bitmap(c.validity, at, n, nulls); err != nil {
		return err
	}
	for _, v := range c.data {
		i := w.buffer
		size, err := w.nextSize()
		if err != nil {
			return err
		}
		if n > 0 && v.bits > 0 && size*8/v.bits < n+v.more {
			return malformed("buffer %d has %d bytes, too few for the %d values of column node %d", i, size, n, at)
		}
	}
	if c.views {
		w.buffer += int(w.batch.int64At(batchVariadic, w.view))
		w.view++
	}
	return nil
}

func (w *batchWalk) bitmap(v validity, at int, n, nulls int64) error {
	if v == validityNever || v == validityOld && w.version >= versionV5 {
		return nil
	}
	size, err := w.nextSize()
	if err != nil {
		return err
	}
	// Without nulls nobody reads the bitmap, which may be anything; where they
	// were not counted, none may be there.
	if size*8 < n && (nulls > 0 || nulls < 0 && size > 0) {
		return malformed("column node %d has %d values, and a validity bitmap of %d bytes", at, n, size)
	}
	return nil
}

// nextSize is that of the next buffer, as a decoder sees it.
func (w *batchWalk) nextSize() (int64, error) {
	offset, length := w.batch.pairAt(batchBuffers, w.buffer)
	w.buffer++
	if !w.compressed || length == 0 {
		return length, nil
	}
	return uncompressedSize(w.buffer-1, w.body[offset:offset+length])
}
