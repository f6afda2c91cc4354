package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// need is what a call asks of its caller.
type need int

const (
	nothing  need = iota // not even credentials
	header               // credentials in the header
	somebody             // credentials of any kind
	toRead               // the dataset
	toWrite              // the dataset
)

// row is one way to call.
type row struct {
	need need
	call func(c *cell) error
	// others are codes that the call may end with where it is permitted, beside OK.
	others []codes.Code
}

// denied is what a row gives where the server says nothing of a permission and
// does as if there were nothing.
var denied = status.Error(codes.PermissionDenied, "nothing came of it")

// rows has each method of each service, and each action, of the data port; what
// stands behind a space is another way to call the same.
var rows = map[string]row{
	"grpc.health.v1.Health/Check": {need: nothing, call: func(c *cell) error {
		_, err := healthpb.NewHealthClient(c.conn).Check(c.ctx, &healthpb.HealthCheckRequest{})
		return err
	}},
	"grpc.health.v1.Health/List": {need: nothing, call: func(c *cell) error {
		_, err := healthpb.NewHealthClient(c.conn).List(c.ctx, &healthpb.HealthListRequest{})
		return err
	}},
	"grpc.health.v1.Health/Watch": {need: nothing, call: func(c *cell) error {
		return first(healthpb.NewHealthClient(c.conn).Watch(c.ctx, &healthpb.HealthCheckRequest{}))
	}},
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo": {need: somebody, call: func(c *cell) error {
		stream, err := reflectionpb.NewServerReflectionClient(c.conn).ServerReflectionInfo(c.ctx)
		if err != nil {
			return err
		}
		return errors.Join(stream.CloseSend(), endOf(stream.Recv))
	}},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {need: somebody, call: func(c *cell) error {
		stream, err := reflectionalpha.NewServerReflectionClient(c.conn).ServerReflectionInfo(c.ctx)
		if err != nil {
			return err
		}
		return errors.Join(stream.CloseSend(), endOf(stream.Recv))
	}},

	"Handshake":   {need: header, call: func(c *cell) error { _, err := legacyHandshake(c.ctx, c.client, nil); return err }},
	"ListFlights": {need: somebody, call: func(c *cell) error { _, err := list(c.ctx, c.client, ""); return err }},
	"ListActions": {need: somebody, call: func(c *cell) error { return first(c.client.ListActions(c.ctx, &flight.Empty{})) }},
	"GetFlightInfo": {need: toRead, call: func(c *cell) error {
		_, err := c.client.GetFlightInfo(c.ctx, path(c.dataset))
		return err
	}},
	"GetSchema": {need: toRead, call: func(c *cell) error { _, err := c.client.GetSchema(c.ctx, path(c.dataset)); return err }},
	"PollFlightInfo": {need: toRead, call: func(c *cell) error {
		_, err := c.client.PollFlightInfo(c.ctx, path(c.dataset))
		return err
	}},
	"PollFlightInfo counting": {need: toRead, others: []codes.Code{codes.Unavailable}, call: func(c *cell) error {
		_, err := c.client.PollFlightInfo(c.ctx, command(`{"dataset": "`+c.dataset+`", "filter": "character = 'Arya'"}`))
		return err
	}},
	"DoGet by name":    {need: toRead, call: func(c *cell) error { return c.get([]byte(c.dataset)) }},
	"DoGet by command": {need: toRead, call: func(c *cell) error { return c.get([]byte(`{"dataset": "` + c.dataset + `", "limit": 1}`)) }},
	"DoGet by the ticket of another": {need: toRead, call: func(c *cell) error {
		return c.get(c.info().GetEndpoint()[0].GetTicket().GetTicket())
	}},
	"DoGet by an expired ticket":  {need: somebody, call: func(c *cell) error { return refusesTicket(c.get(c.expired())) }},
	"DoGet by a tampered ticket":  {need: somebody, call: func(c *cell) error { return refusesTicket(c.get(c.tampered())) }},
	"DoGet by an empty ticket":    {need: somebody, call: func(c *cell) error { return refused(c.get(nil), codes.InvalidArgument) }},
	"GetFlightInfo of no dataset": {need: somebody, call: func(c *cell) error { return refused(c.describe("nope"), codes.NotFound) }},
	"DoPut": {need: toWrite, call: func(c *cell) error {
		_, err := doPut(c.ctx, c.client, upload{to: path(c.dataset), records: []arrow.RecordBatch{c.m.record}})
		return err
	}},
	"DoPut by command": {need: toWrite, call: func(c *cell) error {
		to := command(`{"dataset": "` + c.dataset + `", "mode": "append"}`)
		_, err := doPut(c.ctx, c.client, upload{to: to, records: []arrow.RecordBatch{c.m.record}})
		return err
	}},
	"DoExchange": {need: somebody, call: func(c *cell) error {
		stream, err := c.client.DoExchange(c.ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(&flight.FlightData{FlightDescriptor: command(echoCommand)}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return errors.Join(stream.CloseSend(), endOf(stream.Recv))
	}},
	"HTTP link": {need: toRead, call: func(c *cell) error {
		code := c.follow(c.info().GetEndpoint()[0].GetTicket().GetTicket())
		if code == http.StatusForbidden {
			return denied
		}
		return answered(code, http.StatusOK)
	}},
	"HTTP link to an expired ticket":  {need: somebody, call: func(c *cell) error { return c.linkRefused(c.expired()) }},
	"HTTP link to a tampered ticket":  {need: somebody, call: func(c *cell) error { return c.linkRefused(c.tampered()) }},
	"DoAction of no kind":             {need: somebody, call: func(c *cell) error { return refused(c.act("fly", ""), codes.Unimplemented) }},
	"DoAction drop_dataset":           {need: toWrite, call: func(c *cell) error { return c.act("drop_dataset", c.dataset) }},
	"DoAction list_versions":          {need: toRead, call: func(c *cell) error { return c.act("list_versions", c.dataset) }},
	"DoAction pin":                    {need: toWrite, call: func(c *cell) error { return c.act("pin", c.dataset) }},
	"DoAction unpin":                  {need: toWrite, call: func(c *cell) error { return c.act("unpin", c.dataset) }},
	"DoAction health":                 {need: somebody, call: func(c *cell) error { return c.act("health", "") }},
	"DoAction echo":                   {need: somebody, call: func(c *cell) error { return c.act("echo", "x") }},
	"DoAction SetSessionOptions":      {need: somebody, call: func(c *cell) error { return c.act(flight.SetSessionOptionsActionType, "") }},
	"DoAction GetSessionOptions":      {need: somebody, call: func(c *cell) error { return c.act(flight.GetSessionOptionsActionType, "") }},
	"DoAction CloseSession":           {need: somebody, call: func(c *cell) error { return c.act(flight.CloseSessionActionType, "") }},
	"DoAction StartParallelUpload":    {need: toWrite, call: func(c *cell) error { return c.act("StartParallelUpload", `{"dataset": "`+c.dataset+`"}`) }},
	"DoAction AbortParallelUpload":    {need: toWrite, call: func(c *cell) error { return c.act("AbortParallelUpload", c.begun(false)) }},
	"DoAction FinishParallelUpload":   {need: toWrite, call: func(c *cell) error { return c.act("FinishParallelUpload", c.begun(true)) }},
	"DoAction FinishParallelUpload 2": {need: toWrite, call: func(c *cell) error { return c.act("FinishParallelUpload", c.finished()) }},
	"DoAction rename_dataset": {need: toWrite, others: []codes.Code{codes.FailedPrecondition}, call: func(c *cell) error {
		return c.act("rename_dataset", `{"from": "`+c.dataset+`", "to": "`+c.dataset+`2"}`) // declared ones keep theirs
	}},
	"DoAction restore_version": {need: toWrite, call: func(c *cell) error {
		return c.act("restore_version", `{"dataset": "`+c.dataset+`", "version": 1}`)
	}},
	"DoAction where_to_put": {need: toWrite, call: func(c *cell) error { return c.act("where_to_put", c.encoded(path(c.dataset))) }},
	"DoAction RenewFlightEndpoint": {need: toRead, call: func(c *cell) error {
		return c.act(flight.RenewFlightEndpointActionType, c.encoded(&flight.RenewFlightEndpointRequest{Endpoint: c.info().GetEndpoint()[0]}))
	}},
	"DoAction CancelFlightInfo": {need: toRead, call: func(c *cell) error {
		body := c.encoded(&flight.CancelFlightInfoRequest{Info: c.info()})
		results, err := act(c.ctx, c.client, flight.CancelFlightInfoActionType, body)
		if err != nil {
			return err
		}
		var result flight.CancelFlightInfoResult
		if err := proto.Unmarshal([]byte(results[0]), &result); err != nil {
			return err
		}
		if result.GetStatus() != flight.CancelStatusCancelled {
			return denied
		}
		return nil
	}},
}

func (c *cell) get(ticket []byte) error { _, err := doGet(c.ctx, c.client, ticket); return err }

func (c *cell) describe(name string) error {
	_, err := c.client.GetFlightInfo(c.ctx, path(name))
	return err
}

func (c *cell) act(name, body string) error { _, err := act(c.ctx, c.client, name, body); return err }

func (c *cell) encoded(m proto.Message) string { return string(must[[]byte](c.t)(proto.Marshal(m))) }

// info is what an Admin knows of the dataset.
func (c *cell) info() *flight.FlightInfo {
	return must[*flight.FlightInfo](c.t)(c.m.admin.GetFlightInfo(c.t.Context(), path(c.dataset)))
}

func (c *cell) tampered() []byte {
	ticket := string(c.info().GetEndpoint()[0].GetTicket().GetTicket())
	return []byte(strings.Replace(ticket, ".", "A.", 1))
}

func (c *cell) expired() []byte {
	claims := must[claims](c.t)(c.m.srv.flight.tickets.verify(c.info().GetEndpoint()[0].GetTicket().GetTicket()))
	old := tickets{keys: c.m.srv.keys, clock: longAgo{}}
	ticket, _, err := old.sign(claims)
	if err != nil {
		c.t.Fatal(err)
	}
	return ticket
}

// begun is the body of an action on a parallel upload that an Admin began.
func (c *cell) begun(part bool) string {
	started := must[[]string](c.t)(act(c.t.Context(), c.m.admin, "StartParallelUpload", `{"dataset": "`+c.dataset+`"}`))
	id := strings.Split(started[0], `"`)[3]
	if part {
		to := command(`{"dataset": "` + c.dataset + `", "upload": "` + id + `"}`)
		must[[]string](c.t)(doPut(c.t.Context(), c.m.admin, upload{to: to, records: []arrow.RecordBatch{c.m.record}}))
	}
	return `{"upload": "` + id + `"}`
}

func (c *cell) finished() string {
	body := c.begun(true)
	must[[]string](c.t)(act(c.t.Context(), c.m.admin, "FinishParallelUpload", body))
	return body
}

// follow asks for the link that the caller would be given for a ticket.
func (c *cell) follow(ticket []byte) int {
	if c.who.shown.Kind == "" {
		return http.StatusForbidden // nobody is given a link
	}
	link := must[string](c.t)(c.m.srv.links.Make(c.who.shown, ticket, c.m.srv.clock.Now().Add(time.Minute)))
	response, _, err := askWith(c.t, c.m.transport, http.MethodGet, link, "")
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode
}

// linkRefused follows a link whose ticket is no good, which a caller of any kind
// is told.
func (c *cell) linkRefused(ticket []byte) error {
	if c.who.shown.Kind == "" {
		return denied
	}
	return answered(c.follow(ticket), http.StatusForbidden)
}

func answered(code, want int) error {
	if code != want {
		return fmt.Errorf("HTTP status %d, want %d", code, want)
	}
	return nil
}

// refused turns the refusal that is meant into success.
func refused(err error, code codes.Code) error {
	switch status.Code(err) {
	case code:
		return nil
	case codes.OK:
		return errors.New("it was not refused")
	}
	return err
}

func refusesTicket(err error) error {
	if status.Code(err) == codes.InvalidArgument && status.Convert(err).Message() != "Invalid ticket" {
		return fmt.Errorf("refused for another reason: %w", err)
	}
	return refused(err, codes.InvalidArgument)
}

// first gives the error of a stream's first message.
func first[T any](stream interface{ Recv() (T, error) }, err error) error {
	if err == nil {
		_, err = stream.Recv()
	}
	return err
}
