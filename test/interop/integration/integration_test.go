// Package integration runs Arrow's own Flight integration client against the
// server, and compares what that client does not: what it reads back.
package integration

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/flight-operator/flight-operator/test/process"
)

// Main packages of arrow-go: the client, and the program that turns Arrow files
// into the JSON that the client reads, and compares the two.
const (
	clientPackage = "github.com/apache/arrow-go/v18/arrow/internal/flight_integration/cmd/arrow-flight-integration-client"
	jsonPackage   = "github.com/apache/arrow-go/v18/arrow/ipc/cmd/arrow-json-integration-test"
)

// tools are the programs of one test, and the server that they talk to.
type tools struct {
	client, json string
	server       *process.Server
}

// TestIntegrationClient uploads every group of types with Arrow's client, which
// demands an answer with each batch's app_metadata and an endpoint with a
// location. It reads everything back as well, but drops what it finds.
func TestIntegrationClient(t *testing.T) {
	with := tools{client: process.BuildPackage(t, clientPackage), json: process.BuildPackage(t, jsonPackage)}
	with.server = process.Serve(t, process.Build(t), t.TempDir())
	defer with.server.Stop(t)
	for name, g := range groups() {
		if g.notInJSON {
			continue
		}
		t.Run(name, func(t *testing.T) {
			with.roundTrip(t, name, g)
		})
	}
}

// roundTrip takes a group from Arrow's JSON through the server and back. What
// the client made of the JSON is the reference: it is what was sent.
func (with *tools) roundTrip(t *testing.T, name string, g group) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	dataset := name + ".json" // the client uses the name of its file as the path of the dataset
	writeFile(t, file("made.arrow"), g.schema(), g.records(t))
	run(t, dir, with.json, "-mode", "ARROW_TO_JSON", "-arrow", "made.arrow", "-json", dataset)
	run(t, dir, with.json, "-mode", "JSON_TO_ARROW", "-arrow", "sent.arrow", "-json", dataset)

	host, port, err := net.SplitHostPort(with.server.Address)
	if err != nil {
		t.Fatal(err)
	}
	run(t, dir, with.client, "-host", host, "-port", port, "-path", dataset)

	client := with.server.Connect(t)
	defer client.Close()
	want := content{}
	want.schema, want.records = readFile(t, file("sent.arrow"))
	for i := range want.records {
		want.metadata = append(want.metadata, batchMetadata(i))
	}
	got := read(t, client, dataset)
	got.compare(t, want)

	writeFile(t, file("read.arrow"), got.schema, got.records)
	run(t, dir, with.json, "-mode", "VALIDATE", "-arrow", "read.arrow", "-json", dataset)
}

func run(t *testing.T, dir, program string, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(program), arguments, err, out)
	}
}

func writeFile(t *testing.T, path string, schema *arrow.Schema, records []arrow.RecordBatch) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(schema))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) (*arrow.Schema, []arrow.RecordBatch) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	if err != nil {
		t.Fatal(err)
	}
	records := make([]arrow.RecordBatch, r.NumRecords())
	for i := range records {
		if records[i], err = r.RecordBatchAt(i); err != nil {
			t.Fatal(err)
		}
	}
	return r.Schema(), records
}
