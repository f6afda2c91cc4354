package store

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// boundedZstd decompresses a page into the room that its header asked for, and
// no more: the library's own goes on for as long as there is something, which may
// be thousands of times what is compressed.
type boundedZstd struct{ compress.Codec }

var boundedDecoder = must(zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true)))

func must[T any](value T, err error) T {
	if err != nil {
		panic(err) // options that are wrong
	}
	return value
}

func init() { //nolint:gochecknoinits // the library has one codec of a kind for the whole process, registered so
	compress.RegisterCodec(compress.Codecs.Zstd, boundedZstd{must(compress.GetCodec(compress.Codecs.Zstd))})
}

// Decode implements compress.Codec.
func (z boundedZstd) Decode(dst, src []byte) []byte { return must(z.DecodeWithError(dst, src)) }

// DecodeWithError implements compress.ErrorCodec.
func (boundedZstd) DecodeWithError(dst, src []byte) ([]byte, error) {
	page, err := boundedDecoder.DecodeAll(src, dst[:0])
	if err != nil {
		return nil, fmt.Errorf("a page of %d bytes: %w", len(dst), err)
	}
	return page, nil
}
