package slow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/test/process"
)

const (
	clients     = 1000
	memoryLimit = 1 << 30
	rows        = 256 << 10 // of a batch of 2 MiB
	batches     = 256       // of a dataset of 512 MiB
	settle      = 5 * time.Second
)

// serverSettings leave out what is not about memory: clients that read by hand
// answer no keepalive, and a drain is as long as its timeout where nobody reads.
const serverSettings = `apiVersion: settings.flight-operator.io/v1alpha1
kind: ServerSettings
drainTimeout: 1s
limits: {keepalive: {time: 24h, timeout: 20s, minTime: 10s}}
`

// TestSlowClientsHarmNobody tells how long others take beside slow clients, and
// asserts what no machine is too slow for: all others are served, nobody's
// connection is cut off, memory stays within its limit and the server ends as it
// should, with all of them connected.
func TestSlowClientsHarmNobody(t *testing.T) {
	t.Setenv("GOMEMLIMIT", fmt.Sprint(memoryLimit)) // of the server; a control group would set it
	config := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(config, []byte(serverSettings), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, record := process.Build(t), batch(t)
	schema, data := uploadOf(t, record)
	readers := func(ctx context.Context, t *testing.T, conn net.Conn, _ int) error {
		return read(ctx, t, conn, "large")
	}
	decoders := func(ctx context.Context, t *testing.T, conn net.Conn, i int) error {
		return read(ctx, t, conn, decodedTickets[i%len(decodedTickets)])
	}
	writers := func(ctx context.Context, t *testing.T, conn net.Conn, i int) error {
		first := message(t, &flight.FlightData{DataHeader: schema, FlightDescriptor: path(fmt.Sprint("slow/", i))})
		return write(ctx, t, conn, io.MultiReader(bytes.NewReader(first), bytes.NewReader(data)))
	}
	cases := map[string]struct {
		client func(ctx context.Context, t *testing.T, conn net.Conn, i int) error
		by     transport
		read   []string // datasets, beside the large one
	}{
		"Readers":    {readers, transport{}, nil},
		"Decoders":   {decoders, transport{}, []string{"compressed", "large.parquet"}},
		"ReadersTLS": {readers, newTLS(t), nil},
		"Writers":    {writers, transport{}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			declareCompressed(t, dir)
			server := process.Serve(t, binary, dir, append(tc.by.flags, "--config", config)...)
			t.Cleanup(server.Kill) // for a test that fails half way
			connected := server.ConnectWith(t, tc.by.credentials())
			defer connected.Close()
			upload(t, connected, "large", record, batches)
			for _, name := range tc.read {
				upload(t, connected, name, record, decodedBatches)
			}
			alone := duration(func() { readAll(t, connected) })

			peak := watchMemory(t, server.PID())
			ctx, cancel := context.WithCancel(t.Context())
			var slow errgroup.Group
			defer func() { cancel(); _ = slow.Wait() }() // where the test fails before it asks
			for i := range clients {
				conn := tc.by.dial(t, server.Address) // one by one: a handshake has its time
				slow.Go(func() error { return tc.client(ctx, t, conn, i) })
			}
			time.Sleep(settle) // until buffers are as full as they get
			beside := duration(func() { readAll(t, connected) })
			upload(t, connected, "other", record, 16)
			cancel()
			if err := slow.Wait(); err != nil {
				t.Errorf("a slow client was cut off: %v", err)
			}
			most := peak()
			t.Logf("read alone in %s, beside %d slow clients in %s; the server took %d MiB and ended within %s",
				alone.Round(time.Millisecond), clients, beside.Round(time.Millisecond), most>>20,
				duration(func() { server.Stop(t) }).Round(time.Millisecond))
			if most > memoryLimit {
				t.Errorf("the server took %d MiB", most>>20)
			}
		})
	}
}

// watchMemory gives the most memory that a process has had for itself so far.
// Pages of mapped files count for nothing: the kernel takes them back at will.
func watchMemory(t *testing.T, pid int) (peak func() int64) {
	t.Helper()
	var (
		mu   sync.Mutex
		most int64
	)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			mu.Lock()
			most = max(most, anonymousMemory(t, pid))
			mu.Unlock()
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	stop := sync.OnceFunc(func() { close(done); watching.Wait() })
	t.Cleanup(stop)
	return func() int64 { stop(); return most }
}

func anonymousMemory(t *testing.T, pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Error(err) // an end for want of memory as well
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Errorf("RssAnon: %v", err)
	}
	return kilobytes << 10
}

func duration(of func()) time.Duration {
	start := time.Now()
	of()
	return time.Since(start)
}

func batch(t *testing.T) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
	}
	return b.NewRecordBatch()
}

func path(name string) *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{name}}
}

// kept keeps the messages that a writer sends.
type kept struct{ messages *[]*flight.FlightData }

func (k kept) Send(m *flight.FlightData) error {
	*k.messages = append(*k.messages, &flight.FlightData{
		DataHeader: append([]byte{}, m.GetDataHeader()...), DataBody: append([]byte{}, m.GetDataBody()...),
	})
	return nil
}

// uploadOf gives the schema of an upload, and what follows it as gRPC sends it.
func uploadOf(t *testing.T, record arrow.RecordBatch) (schema, data []byte) {
	t.Helper()
	var messages []*flight.FlightData
	w := flight.NewRecordWriter(kept{&messages}, ipc.WithSchema(record.Schema()))
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		t.Fatal(err)
	}
	return messages[0].GetDataHeader(), message(t, messages[1])
}

func upload(t *testing.T, client flight.Client, name string, record arrow.RecordBatch, times int) {
	t.Helper()
	stream, err := client.DoPut(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := flight.NewRecordWriter(stream, ipc.WithSchema(record.Schema()))
	w.SetFlightDescriptor(path(name))
	for range times {
		if err := w.Write(record); err != nil {
			break // Recv tells why
		}
	}
	_ = w.Close()
	_ = stream.CloseSend()
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func readAll(t *testing.T, client flight.Client) {
	t.Helper()
	stream, err := client.DoGet(t.Context(), &flight.Ticket{Ticket: []byte("large")})
	if err != nil {
		t.Fatal(err)
	}
	var read int64
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		read += int64(len(m.GetDataBody()))
	}
	if read != batches*rows*8 {
		t.Errorf("read %d bytes", read)
	}
}
