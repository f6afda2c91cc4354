package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// MaxEntryBytes bounds one entry of a log, so that reading it never needs
// memory that a damaged file chooses.
const MaxEntryBytes = 1 << 20

// castagnoli is the polynomial of every checksum: processors compute it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// EncodeEntry gives a log entry's bytes: a line that names the kind, the
// format's number and the checksum of the rest, then JSON. It fails with
// ErrTooLarge past MaxEntryBytes.
func EncodeEntry(kind string, value any) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	entry := seal(kind, body)
	if len(entry) > MaxEntryBytes {
		return nil, fmt.Errorf("%w: a %s of %d bytes passes %d", ErrTooLarge, kind, len(entry), MaxEntryBytes)
	}
	return entry, nil
}

// DecodeEntry verifies an entry and decodes its JSON. Its errors satisfy
// errors.Is with ErrCorrupt.
func DecodeEntry(kind string, entry []byte, value any) error {
	if len(entry) > MaxEntryBytes {
		return fmt.Errorf("%w: %d bytes, more than a %s has", ErrCorrupt, len(entry), kind)
	}
	return unseal(kind, entry, value)
}

// seal puts the first line before JSON.
func seal(kind string, body []byte) []byte {
	body = append(body, '\n')
	return append([]byte(entryHeader(kind, body)), body...)
}

// unseal verifies what seal made, and decodes its JSON.
func unseal(kind string, sealed []byte, value any) error {
	header, body, ok := bytes.Cut(sealed, []byte("\n"))
	switch {
	case !ok:
		return fmt.Errorf("%w: truncated before the first line's end", ErrCorrupt)
	case string(header)+"\n" != entryHeader(kind, body):
		return fmt.Errorf("%w: the first line does not match the rest, want %.60q", ErrCorrupt, entryHeader(kind, body))
	}
	if err := unmarshalStrict(body, value); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

func entryHeader(kind string, body []byte) string {
	return fmt.Sprintf("flightserver %s 1 crc32c:%08x\n", kind, crc32.Checksum(body, castagnoli))
}

// unmarshalStrict refuses unknown keys: a newer server wrote them, and what
// they mean cannot be guessed.
func unmarshalStrict(body []byte, value any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}
