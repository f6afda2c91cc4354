package transport

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// request is what a client says at the beginning of a call.
type request struct {
	method      string // its path
	contentType string
	encoding    string // of compressed messages; empty: there are none
	timeout     time.Duration
	timed       bool
	length      int64 // of all data that are yet to come
	measured    bool  // the client has told the length
	metadata    metadata.MD
}

// refusal answers what is no call of gRPC: with a status, and for those who do
// not speak gRPC with one of HTTP.
type refusal struct {
	http   int
	status *status.Status
}

func refuse(http int, code codes.Code, format string, args ...any) *refusal {
	return &refusal{http, status.Newf(code, format, args...)}
}

const baseContentType = "application/grpc"

// parse reads a header. What is wrong with it is refused in the ways of gRPC's
// proposal A41. The error is of the protocol.
func parse(f *http2.MetaHeadersFrame) (r request, refused *refusal, err error) {
	if err := malformed(f); err != nil {
		return r, nil, err
	}
	r.method, r.metadata = f.PseudoValue("path"), metadata.MD{}
	for _, field := range f.Fields {
		switch field.Name {
		case "content-length":
			if err := r.measure(field.Value); err != nil {
				return r, nil, err
			}
		case "content-type":
			r.contentType = field.Value
			r.metadata.Append(field.Name, field.Value)
		case "grpc-encoding":
			r.encoding = field.Value
		case "grpc-timeout":
			if r.timeout, err = parseTimeout(field.Value); err != nil {
				refused = refuse(http.StatusBadRequest, codes.Internal, "malformed grpc-timeout: %v", err)
			}
			r.timed = true
		default:
			value, err := decodeMetadata(field.Name, field.Value)
			if err != nil {
				refused = refuse(http.StatusBadRequest, codes.Internal, "malformed metadata %q: %v", field.Name, err)
			}
			if !reserved(field.Name) || field.Name == ":authority" || field.Name == "user-agent" {
				r.metadata.Append(field.Name, value)
			}
		}
	}
	refused = r.check(f.PseudoValue("method"), refused)
	return r, refused, nil
}

// malformed says what HTTP/2 has no requests with, RFC 9113, section 8.
func malformed(f *http2.MetaHeadersFrame) error {
	for _, name := range []string{"method", "scheme", "path"} {
		if f.PseudoValue(name) == "" {
			return fmt.Errorf("no :%s", name)
		}
	}
	for _, field := range f.RegularFields() {
		switch field.Name {
		case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
			return fmt.Errorf("a field of HTTP/1: %s", field.Name)
		case "te":
			if field.Value != "trailers" {
				return fmt.Errorf("te is %q", field.Value)
			}
		}
	}
	return nil
}

// measure notes how long the client says that its data are.
func (r *request) measure(contentLength string) error {
	n, err := strconv.ParseUint(contentLength, 10, 63)
	if err != nil || r.measured && int64(n) != r.length {
		return fmt.Errorf("content-length %q", contentLength)
	}
	r.length, r.measured = int64(n), true
	return nil
}

// counts tells whether n bytes more, the last ones or not, are what the client
// has told.
func (r *request) counts(n int, last bool) bool {
	r.length -= int64(n)
	return !r.measured || r.length == 0 || r.length > 0 && !last
}

// check says what is wrong with a header beside what was found so far.
func (r *request) check(httpMethod string, found *refusal) *refusal {
	authority, host := r.metadata[":authority"], r.metadata["host"]
	delete(r.metadata, "host")
	if len(authority) == 0 && len(host) > 0 {
		r.metadata[":authority"] = host
	}
	switch {
	case len(authority) > 1 || len(host) > 1:
		return refuse(http.StatusBadRequest, codes.Internal, "more than one :authority or host")
	case !isGRPC(r.contentType):
		return refuse(http.StatusUnsupportedMediaType, codes.InvalidArgument, "invalid gRPC request content-type %q", r.contentType)
	case found != nil:
		return found
	case len(authority)+len(host) == 0:
		return refuse(http.StatusBadRequest, codes.Internal, "no host or :authority header present")
	case httpMethod != http.MethodPost:
		return refuse(http.StatusMethodNotAllowed, codes.Internal, "received a call with :method %q, which is to be POST", httpMethod)
	case r.timed && r.timeout <= 0:
		return refuse(http.StatusOK, codes.DeadlineExceeded, "%v", context.DeadlineExceeded)
	}
	return nil
}

// isGRPC tells whether a content type is gRPC's, with any message format.
func isGRPC(contentType string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(contentType), baseContentType)
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// reserved are names that gRPC and HTTP/2 keep for themselves.
func reserved(name string) bool {
	switch name {
	case "content-type", "user-agent", "grpc-message-type", "grpc-encoding", "grpc-message",
		"grpc-status", "grpc-timeout", "te":
		return true
	}
	return strings.HasPrefix(name, ":")
}

// binarySuffix is that of names whose values are bytes.
const binarySuffix = "-bin"

func decodeMetadata(name, value string) (string, error) {
	if !strings.HasSuffix(name, binarySuffix) {
		return value, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	return string(b), err
}

func encodeMetadata(name, value string) string {
	if !strings.HasSuffix(name, binarySuffix) {
		return value
	}
	return base64.RawStdEncoding.EncodeToString([]byte(value))
}

// maxTimeoutDigits is that of gRPC.
const maxTimeoutDigits = 8

var timeoutUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

func parseTimeout(s string) (time.Duration, error) {
	if len(s) < 2 || len(s) > maxTimeoutDigits+1 {
		return 0, fmt.Errorf("%q has no number of at most %d digits and a unit", s, maxTimeoutDigits)
	}
	unit, ok := timeoutUnits[s[len(s)-1]]
	if !ok {
		return 0, fmt.Errorf("%q has no unit", s)
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number and a unit", s)
	}
	if most := uint64(1<<63-1) / uint64(unit); n > most {
		return 1<<63 - 1, nil // only hours can be that long
	}
	return time.Duration(n) * unit, nil
}
