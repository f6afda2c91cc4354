package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// Mode says what an upload does to the dataset.
type Mode string

// Modes of an upload.
const (
	Create  Mode = "create"  // the dataset must not exist
	Replace Mode = "replace" // the upload becomes the dataset, which may be new
	Append  Mode = "append"  // the dataset must exist
)

// Upload is sources on their way to one new version of a dataset.
type Upload struct {
	Dataset string
	Mode    Mode
	Sources []formats.Source // of equal schemas
	Read    formats.ReadOptions
	// Progress, if set, is told the part of all sources that was sent, from 0
	// to 1 or negative where that is not known.
	Progress func(done float64, sent Sent)
	// Retrying, if set, is told why the upload begins anew.
	Retrying func(error)
}

// Sent counts what went to the server.
type Sent struct{ Rows, Bytes int64 }

// PutResult is what the server says about the new version: the rows and bytes
// of the whole dataset.
type PutResult struct {
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	Version uint64 `json:"version"`
}

// messageBytes is about what a message of a split batch carries.
const messageBytes = 3 << 19 // 1.5 MiB

// putCommand names the dataset and the upload. The server applies an upload of
// one name once, however often it is sent.
type putCommand struct {
	Dataset string `json:"dataset"`
	Mode    Mode   `json:"mode"`
	Upload  string `json:"upload"`
}

// totals ends an upload: the server commits nothing that has other rows, so a
// stream that was cut is never taken for a whole one.
type totals struct {
	Rows int64 `json:"rows"`
}

// An upload whose connection breaks is sent again for as long as a pod may take
// to come back.
const (
	retryFor   = 2 * time.Minute
	retryPause = 5 * time.Second // at most
)

// Put sends the sources as one upload. One that had begun when the connection
// broke is sent again, unless it comes from standard input. A server that never
// answered is not waited for.
func Put(ctx context.Context, c flight.Client, u Upload) (PutResult, Sent, error) {
	var schema *arrow.Schema
	repeatable := len(u.Sources) > 1 || u.Sources[0].Repeatable()
	if repeatable { // else the schema comes with the data
		var err error
		if schema, err = unite(u.Sources, u.Read); err != nil {
			return PutResult{}, Sent{}, err
		}
	}
	var sent Sent
	begun := false
	command := putCommand{Dataset: u.Dataset, Mode: u.Mode, Upload: uuid.NewString()}
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = retryPause
	result, err := backoff.Retry(ctx, func() (PutResult, error) {
		p := &put{Upload: u, schema: schema}
		r, err := p.run(ctx, c, command)
		sent = p.sent
		begun = begun || sent.Rows > 0
		if err != nil && !(repeatable && begun && status.Code(err) == codes.Unavailable && !NoSpace(err)) {
			return r, backoff.Permanent(err)
		}
		return r, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(retryFor), backoff.WithNotify(func(err error, _ time.Duration) {
		if u.Retrying != nil {
			u.Retrying(err)
		}
	}))
	return result, sent, err
}

// put is one attempt at an upload.
type put struct {
	Upload
	schema *arrow.Schema // nil: the first source's
	sent   Sent
	writer *flight.Writer
}

func (p *put) run(ctx context.Context, c flight.Client, command putCommand) (result PutResult, err error) {
	// Leaving before the end cancels the call, and the server keeps nothing.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.DoPut(ctx)
	if err != nil {
		return result, err
	}
	answers := new(errgroup.Group)
	answers.Go(func() (err error) {
		result, err = receiveResult(stream)
		return err
	})
	sendErr := p.send(ctx, stream, command)
	if sendErr != nil && !errors.Is(sendErr, io.EOF) {
		cancel()
	}
	// io.EOF from a send means that the server ended the call: its answer
	// tells why.
	answerErr := answers.Wait()
	switch {
	case sendErr != nil && !errors.Is(sendErr, io.EOF):
		return result, sendErr
	case answerErr != nil:
		return result, answerErr
	case sendErr != nil:
		return result, errors.New("the server ended the upload before its last row")
	}
	return result, p.checkResult(result)
}

// checkResult holds what the server stored against what it was sent. An append
// is told the rows of the whole dataset.
func (p *put) checkResult(r PutResult) error {
	if r.Rows == p.sent.Rows || p.Mode == Append && r.Rows > p.sent.Rows {
		return nil
	}
	return fmt.Errorf("%d rows were sent, but version %d on the server has %d", p.sent.Rows, r.Version, r.Rows)
}

func (p *put) send(ctx context.Context, stream flight.FlightService_DoPutClient, command putCommand) error {
	for i, s := range p.Sources {
		if err := p.sendSource(ctx, stream, command, i, s); err != nil {
			return err
		}
	}
	// Closing sends the schema where there was no batch to bring it.
	if err := p.writer.Close(); err != nil {
		return err
	}
	end, err := json.Marshal(totals{Rows: p.sent.Rows})
	if err != nil {
		return err
	}
	if err := p.writer.WriteMetadata(end); err != nil {
		return err
	}
	return stream.CloseSend()
}

// sendSource reads the source in a goroutine of its own, since reading and
// sending take about the same time.
func (p *put) sendSource(ctx context.Context, stream flight.FlightService_DoPutClient, command putCommand, i int, s formats.Source) (err error) {
	r, err := formats.Open(s, p.Read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if p.writer == nil {
		if err := p.begin(stream, command, r.Schema()); err != nil {
			return err
		}
	}
	ahead := make(chan readBatch, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(ahead)
		return readAll(ctx, r, ahead)
	})
	g.Go(func() error {
		for b := range ahead {
			if err := p.sendBatch(b.rec); err != nil {
				return err
			}
			p.report(i, b.done)
		}
		return nil
	})
	return g.Wait()
}

func (p *put) begin(stream flight.FlightService_DoPutClient, command putCommand, schema *arrow.Schema) error {
	if p.schema == nil {
		p.schema = schema
	}
	cmd, err := json.Marshal(command)
	if err != nil {
		return err
	}
	p.writer = flight.NewRecordWriter(stream, ipc.WithSchema(p.schema))
	p.writer.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: cmd})
	return nil
}

type readBatch struct {
	rec  arrow.RecordBatch // released by the receiver
	done float64
}

// readAll hands the batches over until the source ends or ctx does.
func readAll(ctx context.Context, r formats.Reader, ahead chan<- readBatch) error {
	for {
		rec, err := r.Read()
		if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a file that was cut
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case ahead <- readBatch{rec, r.Done()}:
		case <-ctx.Done():
			rec.Release()
			return ctx.Err()
		}
	}
}

func (p *put) sendBatch(rec arrow.RecordBatch) error {
	defer rec.Release()
	uniform := withSchema(rec, p.schema)
	defer uniform.Release()
	return wire.Split(uniform, messageBytes, func(piece arrow.RecordBatch, size int64) error {
		if err := p.writer.Write(piece); err != nil {
			return err
		}
		p.sent.Rows += piece.NumRows()
		p.sent.Bytes += size
		return nil
	})
}

func (p *put) report(source int, done float64) {
	if p.Progress == nil {
		return
	}
	if done >= 0 {
		done = (float64(source) + done) / float64(len(p.Sources))
	}
	p.Progress(done, p.sent)
}

// receiveResult reads the server's answers, of which the last tells about the
// new version.
func receiveResult(stream flight.FlightService_DoPutClient) (PutResult, error) {
	var last []byte
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return PutResult{}, err
		}
		last = answer.GetAppMetadata()
	}
	var result PutResult
	if err := json.Unmarshal(last, &result); err != nil {
		return PutResult{}, fmt.Errorf("the server did not say what it stored: %w", err)
	}
	return result, nil
}
