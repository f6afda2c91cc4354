package httpdata

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// request is who asks for what.
type request struct {
	handler *Handler
	caller  auth.Identity
	ticket  []byte
}

func (r request) open(ctx context.Context) (Data, error) {
	return r.handler.Open(ctx, r.caller, r.ticket)
}

// errRewritten ends an answer whose first part was made of other files.
var errRewritten = errors.New("the files of the data were replaced meanwhile")

// writer gives what makes the bytes, as often as it is called: the first time of
// the data that is open, which stays the caller's.
func (r request) writer(first Data, f format) func(context.Context, io.Writer) error {
	identity := first.Identity()
	return func(ctx context.Context, w io.Writer) error {
		if data := first; data != nil {
			first = nil
			return f.write(w, data)
		}
		data, err := r.open(ctx)
		if err != nil {
			return err
		}
		defer data.Release()
		if data.Identity() != identity {
			return errRewritten
		}
		return f.write(w, data)
	}
}

// etag names the bytes that are made of data in a format by this version.
func etag(identity string, f format) string {
	sum := sha256.Sum256([]byte(settings.Version + "\n" + f.mediaType + "\n" + identity))
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}
