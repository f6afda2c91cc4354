package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

const (
	indexMagic = "FLTIDX1\n"
	// maxIndexBytes is where a segment ends for its index's sake.
	maxIndexBytes = 4 << 20
	// maxAppMetadata bounds what a client may have kept with a batch.
	maxAppMetadata = 1 << 20
)

// index tells where the messages of an Arrow segment lie and what they hold.
// Head, messages and tail follow one another without a gap.
type index struct {
	head, tail span // before and behind the messages
	messages   []indexed
	deltas     bool  // a dictionary is extended
	columns    int   // that have stats
	stats      Stats // of the whole segment
}

// span is a range of a segment.
type span struct {
	offset, length int64
	sum            uint32
}

func (s span) end() int64 { return s.offset + s.length }

// indexed is a message in a segment.
type indexed struct {
	span

	prefix      int // bytes before the body: marks, header, padding
	header      int // bytes of the header, which begins behind the marks
	dictionary  bool
	stats       Stats // of a record batch
	appMetadata []byte
}

// marksBytes are the continuation mark and the length before a header.
const marksBytes = 8

// size is the segment's.
func (x *index) size() int64 { return x.tail.end() }

// add appends a message, and widens the stats of the segment by its own.
func (x *index) add(m indexed) {
	if !m.dictionary {
		if x.stats.Rows == 0 {
			x.columns = len(m.stats.Columns)
			x.stats.Columns = make([]ColumnStats, x.columns)
		}
		for i := range x.stats.Columns {
			c := m.stats.Columns[i]
			seen := x.stats.Rows - x.stats.Columns[i].Nulls
			x.stats.Columns[i].join(c, m.stats.Rows-c.Nulls, seen == 0)
		}
		x.stats.Rows += m.stats.Rows
	}
	x.messages = append(x.messages, m)
}

// Bits of what is said of the segment, of a message, and of a column.
const (
	flagDeltas     = 1
	flagDictionary = 1
	flagMin        = 1
	flagMax        = 2
)

func (x *index) encode() []byte {
	b := []byte(indexMagic)
	put32, put64 := binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	b = put64(b, uint64(x.head.length))
	b = put32(b, x.head.sum)
	b = put64(b, uint64(x.tail.length))
	b = put32(b, x.tail.sum)
	b = put32(b, uint32(len(x.messages)))
	b = put32(b, uint32(x.columns))
	b = append(b, flag(x.deltas, flagDeltas))
	for _, m := range x.messages {
		b = append(b, flag(m.dictionary, flagDictionary))
		b = put32(b, uint32(m.prefix))
		b = put32(b, uint32(m.header))
		b = put64(b, uint64(m.length))
		b = put32(b, m.sum)
		b = put32(b, uint32(len(m.appMetadata)))
		b = append(b, m.appMetadata...)
		if !m.dictionary {
			b = m.stats.appendTo(b)
		}
	}
	return b
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

func (s *Stats) appendTo(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Rows))
	for _, c := range s.Columns {
		b = append(b, flag(c.Min != nil, flagMin)|flag(c.Max != nil, flagMax))
		b = binary.LittleEndian.AppendUint64(b, uint64(c.Nulls))
		for _, bound := range [][]byte{c.Min, c.Max} {
			if bound != nil {
				b = append(b, byte(len(bound)))
				b = append(b, bound...)
			}
		}
	}
	return b
}

// decodeIndex verifies an index against the checksum in the manifest. What it
// gives is consistent in itself: no range lies outside of the segment.
func decodeIndex(b []byte, sum uint32) (*index, error) {
	if crc32.Checksum(b, castagnoli) != sum {
		return nil, fmt.Errorf("%w: its checksum is not the manifest's", ErrCorrupt)
	}
	c := cursor{rest: b}
	if string(c.bytes(len(indexMagic))) != indexMagic {
		return nil, fmt.Errorf("%w: it does not begin as an index", ErrCorrupt)
	}
	x := &index{}
	x.head = span{length: c.length(), sum: c.uint32()}
	x.tail = span{length: c.length(), sum: c.uint32()}
	messages, columns := c.count(), c.count()
	x.columns = columns
	x.deltas = c.flags(flagDeltas) != 0
	at := x.head.length
	for range messages {
		m := c.message(columns)
		if c.failed {
			break
		}
		m.offset = at
		at = m.end()
		x.add(m)
	}
	x.columns = columns
	x.tail.offset = at
	if c.failed || len(c.rest) > 0 || x.size() < 0 || x.size() > maxSegmentSize {
		return nil, fmt.Errorf("%w: it is not an index of a segment", ErrCorrupt)
	}
	return x, nil
}

// maxSegmentSize is far above what is written, and keeps sums of ranges from
// overflowing.
const maxSegmentSize = 1 << 50

// cursor reads what may be damaged, and remembers that it failed.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) bytes(n int) []byte {
	if c.failed || n > len(c.rest) {
		c.failed = true
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) byte() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// length reads a size that sums with others without overflow.
func (c *cursor) length() int64 {
	b := c.bytes(8)
	if b == nil {
		return 0
	}
	n := binary.LittleEndian.Uint64(b)
	c.failed = c.failed || n > maxSegmentSize/maxMessages
	return int64(n)
}

// maxMessages is more than an index of maxIndexBytes can hold.
const maxMessages = 1 << 18

// count reads how many follow, of which each takes more than a byte.
func (c *cursor) count() int {
	n := c.uint32()
	c.failed = c.failed || int64(n) > int64(len(c.rest)) || n > maxMessages
	return int(n)
}

// flags refuses bits that have no meaning, so that one index has one encoding.
func (c *cursor) flags(known byte) byte {
	b := c.byte()
	c.failed = c.failed || b&^known != 0
	return b & known
}

func (c *cursor) message(columns int) indexed {
	m := indexed{dictionary: c.flags(flagDictionary) != 0}
	m.prefix, m.header = int(c.uint32()), int(c.uint32())
	m.length, m.sum = c.length(), c.uint32()
	if n := c.uint32(); n > 0 {
		m.appMetadata = c.bytes(int(n))
	}
	if !m.dictionary {
		m.stats = c.stats(columns)
	}
	if m.header < 0 || m.prefix-marksBytes < m.header || int64(m.prefix) > m.length {
		c.failed = true
	}
	return m
}

func (c *cursor) stats(columns int) Stats {
	s := Stats{Rows: c.length()}
	if columns > len(c.rest) || s.Rows > math.MaxInt32 {
		c.failed = true
		return s
	}
	s.Columns = make([]ColumnStats, columns)
	for i := range s.Columns {
		known := c.flags(flagMin | flagMax)
		s.Columns[i].Nulls = c.length()
		c.failed = c.failed || s.Columns[i].Nulls > s.Rows
		if known&flagMin != 0 {
			s.Columns[i].Min = c.bound()
		}
		if known&flagMax != 0 {
			s.Columns[i].Max = c.bound()
		}
		if c.failed {
			break
		}
	}
	return s
}

func (c *cursor) bound() []byte {
	n := int(c.byte())
	c.failed = c.failed || n > maxBoundBytes
	return c.bytes(n)
}
