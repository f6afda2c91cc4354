package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// echoCommand is the command of an exchange that gives back what it is sent.
const echoCommand = "echo"

// DoExchange does what the command of the first message says with what follows.
func (s *flightService) DoExchange(stream flight.FlightService_DoExchangeServer) error {
	if err := s.may.call(stream.Context(), auth.Call); err != nil {
		return err
	}
	from := receivedFrom{stream, s.metrics.received}
	var first wire.Incoming
	if err := from.RecvMsg(&first); err != nil {
		if errors.Is(err, io.EOF) {
			return badRequest("the stream ended before its descriptor, which says what is exchanged")
		}
		return err
	}
	defer first.Free()
	if err := checkExchange(first.Descriptor); err != nil {
		return err
	}
	e := echoes{from: from, to: &sentTo{messageSender: stream, traffic: s.metrics.sent}, acquire: s.guards.uploadMemory(stream.Context())}
	return e.run(&first)
}

func checkExchange(descriptor *flight.FlightDescriptor) error {
	command := bytes.TrimSpace(descriptor.GetCmd())
	switch {
	case descriptor.GetType() == flight.DescriptorPATH:
		return badRequest(`nothing is exchanged with a path; the command "echo" gives back what it is sent`)
	case string(command) == echoCommand:
		return nil
	case isObject(command):
		return unsupported(`this server runs no SQL over what it is sent; the command "echo" gives it back`)
	}
	return badRequest("the first message of an exchange carries a command; there is one: %q", echoCommand)
}

// echoes gives back a stream's messages, one at a time: a client that does not
// read is not read from.
type echoes struct {
	from    messageReceiver
	to      messageSender
	acquire func(bytes int64) (release func(), err error)
	checks  wire.Stream
	n       int // messages so far
}

func (e *echoes) run(first *wire.Incoming) error {
	for data := first; ; {
		if err := e.echo(data); err != nil {
			return err
		}
		data = &wire.Incoming{}
		err := e.from.RecvMsg(data)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// echo checks a message as an upload's are, and sends it. The first one may hold
// nothing but the descriptor.
func (e *echoes) echo(data *wire.Incoming) error {
	defer data.Free()
	e.n++
	release, err := e.acquire(int64(data.BodyLen()))
	if err != nil {
		return err
	}
	defer release()
	body := memory.DefaultAllocator.Allocate(data.BodyLen())
	data.CopyBody(body)
	switch {
	case len(data.Header) > 0:
		if _, err := e.checks.Check(data.Header, body); err != nil {
			return fmt.Errorf("message %d: %w", e.n, err)
		}
	case len(body) > 0:
		return fmt.Errorf("message %d: %w: a body without a header", e.n, wire.ErrMalformed)
	case len(data.AppMetadata) == 0:
		return nil
	}
	return e.to.SendMsg(&wire.Outgoing{Header: data.Header, AppMetadata: data.AppMetadata, Body: [][]byte{body}})
}
