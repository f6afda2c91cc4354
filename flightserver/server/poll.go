package server

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// pollWait is how long a repeated poll waits for news.
const pollWait = 10 * time.Second

// pollCommand is the command of the descriptor that a poll is repeated with. A
// server that does not know the poll begins it anew from the command.
type pollCommand struct {
	Poll    string          `json:"poll"`
	Seen    int             `json:"seen"` // endpoints that the client has
	Command json.RawMessage `json:"command"`
}

// PollFlightInfo answers at once what GetFlightInfo answers, unless there is a
// filter. Then the rows are counted meanwhile: the endpoint of a partition is
// told once it is counted, in their order, and a repeated poll waits for more.
func (s *flightService) PollFlightInfo(ctx context.Context, descriptor *flight.FlightDescriptor) (*flight.PollInfo, error) {
	again, known := readPollCommand(descriptor)
	if known {
		if e := s.polls.find(again.Poll, auth.FromContext(ctx).Subject()); e != nil {
			if err := s.may.check(ctx, auth.Describe, e.plan.query.Dataset, e.plan.dataset.ID); err != nil {
				return nil, err
			}
			return s.pollInfo(e, e.wait(ctx, again.Seen))
		}
		descriptor = &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: again.Command}
	}
	p, err := s.plan(ctx, descriptor)
	if err != nil {
		return nil, err
	}
	if p.filter == nil {
		return s.pollAtOnce(p, descriptor)
	}
	if err := s.may.check(ctx, auth.Read, p.query.Dataset, p.dataset.ID); err != nil {
		return nil, err
	}
	e, err := s.polls.begin(p, proto.Clone(descriptor).(*flight.FlightDescriptor), auth.FromContext(ctx).Subject())
	if err != nil {
		return nil, err
	}
	s.background.Go(func() { e.run(s.catalog, s.guards) })
	return s.pollInfo(e, e.now())
}

func readPollCommand(descriptor *flight.FlightDescriptor) (pollCommand, bool) {
	var c pollCommand
	if descriptor.GetType() != flight.DescriptorCMD || !bytes.Contains(descriptor.GetCmd(), []byte(`"poll"`)) {
		return c, false
	}
	return c, decodeBody(descriptor.GetCmd(), &c) == nil
}

func (s *flightService) pollAtOnce(p plan, descriptor *flight.FlightDescriptor) (*flight.PollInfo, error) {
	info, err := s.flightInfo(p, descriptor)
	return &flight.PollInfo{Info: info, Progress: proto.Float64(1)}, err
}

// pollInfo tells what an evaluation has come to. Endpoints are told with tickets
// that are signed now; they read the same as those told before.
func (s *flightService) pollInfo(e *evaluation, at evaluated) (*flight.PollInfo, error) {
	if at.err != nil {
		return nil, at.err
	}
	metadata, err := json.Marshal(infoMetadata{Dataset: e.plan.dataset.Name(), Version: e.plan.dataset.Version, ID: e.plan.id})
	if err != nil {
		return nil, err
	}
	info := &flight.FlightInfo{
		Schema: schemaBytes(e.plan.schema), FlightDescriptor: e.descriptor, AppMetadata: metadata, TotalRecords: -1, TotalBytes: -1,
	}
	var total int64
	for i, rows := range at.rows {
		endpoint, err := s.endpoint(e.plan, endpointMetadata{span: e.plan.spans()[i], Rows: &rows})
		if err != nil {
			return nil, err
		}
		info.Endpoint = append(info.Endpoint, endpoint)
		total += rows
	}
	poll := &flight.PollInfo{Info: info, Progress: new(at.progress), ExpirationTime: timestamppb.New(e.expires)}
	if at.done {
		info.TotalRecords = total
		return poll, nil
	}
	again, err := json.Marshal(pollCommand{Poll: e.plan.id, Seen: len(at.rows), Command: e.descriptor.GetCmd()})
	poll.FlightDescriptor = &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: again}
	return poll, err
}

// count reads a span and counts what the plan selects of it. Every record that
// was looked at is told.
func (p plan) count(ctx context.Context, in *decoding, c *catalog.Catalog, of span, looked func(rows int64)) (int64, error) {
	open := func(partition int) (*catalog.Scan, error) {
		return c.Scan(ctx, p.dataset.ID, p.dataset.Version, partition)
	}
	reader := p.reader(ctx, in, of, open)
	reader.looked = looked
	defer reader.Release()
	var rows int64
	for reader.Next() {
		rows += reader.RecordBatch().NumRows()
	}
	return rows, reader.Err()
}
