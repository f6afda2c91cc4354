package httpdata

import (
	"encoding/binary"
	"io"
	"math"
)

// Marks of Arrow's encapsulated messages.
const (
	continuation = math.MaxUint32
	alignment    = 8
)

// endOfStream is a message of no length.
var endOfStream = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, continuation), 0)

// writeMessage frames a message as it stands in an Arrow stream.
func writeMessage(w io.Writer, header, body []byte) error {
	length := (len(header) + alignment - 1) / alignment * alignment
	frame := binary.LittleEndian.AppendUint32(nil, continuation)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(length))
	frame = append(frame, header...)
	frame = append(frame, make([]byte, length-len(header))...)
	if _, err := w.Write(frame); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}
