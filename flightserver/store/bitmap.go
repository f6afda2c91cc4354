package store

import (
	"encoding/binary"
	"iter"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
)

// groupValues are as many as one word has bits.
const groupValues = 64

// bitmap has a bit for each value of an array, from the lowest of a byte on.
type bitmap struct {
	bytes  []byte // nil: all bits are set
	offset int
	n      int
}

// validityOf has a bit for each value that is not null.
func validityOf(a arrow.Array) bitmap {
	b := bitmap{offset: a.Data().Offset(), n: a.Len()}
	if a.NullN() > 0 {
		b.bytes = a.NullBitmapBytes()
	}
	return b
}

// word gives the bits from i on. Those behind the last are not set.
func (b bitmap) word(i int) uint64 {
	kept := uint64(math.MaxUint64)
	if left := b.n - i; left < groupValues {
		kept >>= groupValues - left
	}
	if b.bytes == nil {
		return kept
	}
	from := b.bytes[(b.offset+i)/8:]
	shift := (b.offset + i) % 8
	if len(from) > 8 {
		return kept & (binary.LittleEndian.Uint64(from)>>shift | uint64(from[8])<<(groupValues-shift))
	}
	var last [8]byte
	copy(last[:], from)
	return kept & (binary.LittleEndian.Uint64(last[:]) >> shift)
}

// validGroups gives the values that are not null, in groups that are not empty.
func validGroups[T any](a arrow.Array, values []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		if a.NullN() == 0 {
			yield(values)
			return
		}
		var room [groupValues]T
		valid := validityOf(a)
		for i := 0; i < len(values); i += groupValues {
			group := pick(&room, values[i:min(i+groupValues, len(values))], valid.word(i))
			if len(group) > 0 && !yield(group) {
				return
			}
		}
	}
}

// pick gives the values whose bits are set, at most groupValues. It moves them
// together without a branch: where nulls are scattered a processor guesses every
// other one wrong, and runs without nulls are too short to be worth a loop each.
func pick[T any](room *[groupValues]T, values []T, set uint64) []T {
	if bits.OnesCount64(set) == len(values) {
		return values
	}
	n := 0
	for _, v := range values {
		room[n&(groupValues-1)] = v // the index needs no check like this
		n += int(set & 1)
		set >>= 1
	}
	return room[:n]
}
