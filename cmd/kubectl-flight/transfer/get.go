package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
)

// Connections gives the clients that endpoints are read with.
type Connections interface {
	// Client is the connection to the server that was asked for the dataset.
	Client() flight.Client
	// Location is a connection to the server at the location, or nil where
	// none is to be had. Several goroutines may ask at once.
	Location(ctx context.Context, uri string) flight.Client
}

// Download is a dataset on its way to a file.
type Download struct {
	Dataset  string
	Limit    int64 // most rows to take; negative: all
	Parallel int   // endpoints read at a time
	// Open is called once, before the first batch. total is the number of rows
	// of the dataset, or negative where the server does not know it.
	Open func(schema *arrow.Schema, total int64) (formats.Writer, error)
	// Progress, if set, is told the rows written and those to come in all, or
	// negative where that is not known.
	Progress func(rows, total int64)
}

// Get reads a dataset into what Open returns, and closes that only when all
// rows that Limit asks for are there. It returns their number.
func Get(ctx context.Context, c Connections, d Download) (rows int64, err error) {
	info, err := c.Client().GetFlightInfo(ctx, &flight.FlightDescriptor{
		Type: flight.DescriptorPATH, Path: strings.Split(d.Dataset, "/"),
	})
	if err != nil {
		return 0, err
	}
	g := &get{Download: d, conns: c, info: info, expected: info.GetTotalRecords()}
	if d.Limit >= 0 && (g.expected < 0 || d.Limit < g.expected) {
		g.expected = d.Limit
	}
	if err := g.read(ctx); err != nil {
		return g.rows, err
	}
	return g.rows, g.finish()
}

type get struct {
	Download
	conns    Connections
	info     *flight.FlightInfo
	expected int64 // rows to write; negative: not known
	schema   *arrow.Schema
	out      formats.Writer // nil until the schema is known
	rows     int64
}

// read starts the endpoints in their order, so that of those that are not yet
// read to the end the first always has a reader.
func (g *get) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	endpoints := g.info.GetEndpoint()
	queues := newQueues(len(endpoints), g.info.GetOrdered())
	readers, readCtx := errgroup.WithContext(ctx)
	readers.SetLimit(max(1, g.Parallel))
	started := make(chan struct{})
	go func() {
		defer close(started)
		for i, endpoint := range endpoints {
			readers.Go(func() error {
				defer queues[i].finished()
				return readEndpoint(readCtx, g.conns, endpoint, queues[i].parts)
			})
		}
	}()
	writeErr := g.write(queues)
	cancel() // what the limit leaves over, or what cannot be written
	release(queues)
	<-started
	readErr := readers.Wait()
	if writeErr != nil {
		return writeErr
	}
	if g.full() {
		return nil
	}
	return readErr
}

func (g *get) write(queues []queue) error {
	for _, q := range queues {
		for p := range q.parts {
			if err := g.writePart(p); err != nil {
				return err
			}
			if g.full() {
				return nil
			}
		}
	}
	return nil
}

// full tells whether the limit is reached. A limit of 0 still waits for the
// schema.
func (g *get) full() bool { return g.Limit >= 0 && g.rows >= g.Limit && g.out != nil }

func (g *get) writePart(p part) error {
	if p.batch == nil {
		return g.open(p.schema)
	}
	defer p.batch.Release()
	batch := withSchema(p.batch, g.schema)
	defer batch.Release()
	if g.Limit >= 0 && batch.NumRows() > g.Limit-g.rows {
		first := batch.NewSlice(0, g.Limit-g.rows)
		defer first.Release()
		batch = first
	}
	if err := g.out.Write(batch); err != nil {
		return err
	}
	g.rows += batch.NumRows()
	if g.Progress != nil {
		g.Progress(g.rows, g.expected)
	}
	return nil
}

// open learns the schema of an endpoint; all have the same.
func (g *get) open(schema *arrow.Schema) (err error) {
	if g.out == nil {
		g.schema = schema
		g.out, err = g.Open(schema, g.info.GetTotalRecords())
		return err
	}
	if _, err := merge(g.schema, schema); err != nil {
		return fmt.Errorf("an endpoint of %q does not fit the first one: %w", g.Dataset, err)
	}
	return nil
}

// finish writes the end of the file, once it is known that nothing lacks.
func (g *get) finish() error {
	if g.out == nil { // the dataset has no endpoints
		schema, err := flight.DeserializeSchema(g.info.GetSchema(), memory.DefaultAllocator)
		if err != nil {
			return fmt.Errorf("the server does not tell the columns of %q: %w", g.Dataset, err)
		}
		if err := g.open(schema); err != nil {
			return err
		}
	}
	if g.expected >= 0 && g.rows != g.expected {
		return fmt.Errorf("the server announced %d rows of %q and sent %d", g.expected, g.Dataset, g.rows)
	}
	return g.out.Close()
}

// part is the schema of an endpoint, or one of the batches that follow.
type part struct {
	schema *arrow.Schema
	batch  arrow.RecordBatch // released by the receiver
}

// queue holds what was read of an endpoint, or of all where order means
// nothing, and was not yet written.
type queue struct {
	parts    chan part
	finished func() // by each endpoint, at its end
}

func newQueues(endpoints int, ordered bool) []queue {
	queues := make([]queue, endpoints)
	if ordered {
		for i := range queues {
			parts := make(chan part, 2)
			queues[i] = queue{parts, func() { close(parts) }}
		}
		return queues
	}
	parts := make(chan part, 2)
	var left atomic.Int64
	left.Store(int64(endpoints))
	finished := func() {
		if left.Add(-1) == 0 {
			close(parts)
		}
	}
	for i := range queues {
		queues[i] = queue{parts, finished}
	}
	return queues
}

// release empties the queues, until their endpoints have ended.
func release(queues []queue) {
	for _, q := range queues {
		for p := range q.parts {
			if p.batch != nil {
				p.batch.Release()
			}
		}
	}
}

// readEndpoint reads at the first location that answers.
func readEndpoint(ctx context.Context, c Connections, e *flight.FlightEndpoint, parts chan<- part) error {
	var failed error
	for _, location := range e.GetLocation() {
		if location.GetUri() == flight.LocationReuseConnection {
			break
		}
		client := c.Location(ctx, location.GetUri())
		if client == nil {
			continue
		}
		begun, err := readStream(ctx, client, e.GetTicket(), parts)
		if err == nil || begun || ctx.Err() != nil {
			return err
		}
		failed = fmt.Errorf("reading from %s: %w", location.GetUri(), err)
	}
	_, err := readStream(ctx, c.Client(), e.GetTicket(), parts)
	if err != nil && failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// readStream redeems a ticket. begun tells that something was handed over, so
// that reading it elsewhere would repeat it.
func readStream(ctx context.Context, c flight.Client, ticket *flight.Ticket, parts chan<- part) (begun bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.DoGet(ctx, ticket)
	if err != nil {
		return false, err
	}
	r, err := flight.NewRecordReader(dataOnly{stream})
	if err != nil {
		return false, err
	}
	defer r.Release()
	next := part{schema: r.Schema()}
	for {
		select {
		case parts <- next:
		case <-ctx.Done():
			if next.batch != nil {
				next.batch.Release()
			}
			return true, ctx.Err()
		}
		if !r.Next() {
			return true, r.Err()
		}
		next = part{batch: r.RecordBatch()}
		next.batch.Retain()
	}
}

// dataOnly passes over messages that carry metadata alone, which may stand
// anywhere in a stream.
type dataOnly struct{ flight.DataStreamReader }

func (d dataOnly) Recv() (*flight.FlightData, error) {
	for {
		data, err := d.DataStreamReader.Recv()
		if err != nil || len(data.GetDataHeader()) > 0 {
			return data, err
		}
	}
}
