package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flight-operator/flight-operator/test/bench/peers"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// Operation is what the clients of a cell do.
type Operation string

// Operations.
const (
	Get   Operation = "DoGet"
	Put   Operation = "DoPut"
	Small Operation = "small DoGet" // a KiB, one after the other
)

// Format is how the servers keep a table.
type Format string

// Formats.
const (
	Arrow   Format = "Arrow"
	Parquet Format = "Parquet"
)

// Client is who asks.
type Client string

// Clients.
const (
	Discard Client = "discard"
	Pyarrow Client = "pyarrow"
	ArrowGo Client = "arrow-go"
)

// Servers under measurement, in the order of the report.
const (
	us      = "flightserver"
	wall    = peers.TCP
	opaque  = peers.Opaque
	naive   = peers.Naive
	pyarrow = "pyarrow"
)

// coldUs is the process that stands for ours in cells that are cold.
const coldUs = "flightserver, cold"

var allServers = []string{us, wall, opaque, naive, pyarrow}

// Row counts of batches. The bars are held against the one in the middle.
const (
	smallBatch  = 4 << 10
	normalBatch = 64 << 10
	largeBatch  = 1 << 20
)

// Cell is one kind of load. The zero fields of what is compared differ from a
// base: Arrow, normal batches, one stream, no TLS, the discarding client.
type Cell struct {
	Operation Operation   `json:"operation"`
	Format    Format      `json:"format"`
	Kind      tables.Kind `json:"table"`
	BatchRows int         `json:"batchRows"`
	Streams   int         `json:"streams"`
	TLS       bool        `json:"tls"`
	Client    Client      `json:"client"`
	// Cold reads are of our server with storage.cache at 0: it decodes each time.
	Cold bool `json:"cold,omitempty"`
}

func base(operation Operation, kind tables.Kind) Cell {
	return Cell{Operation: operation, Format: Arrow, Kind: kind, BatchRows: normalBatch, Streams: 1, Client: Discard}
}

func (c Cell) batch(rows int) Cell   { c.BatchRows = rows; return c }
func (c Cell) streams(n int) Cell    { c.Streams = n; return c }
func (c Cell) overTLS() Cell         { c.TLS = true; return c }
func (c Cell) parquet() Cell         { c.Format = Parquet; return c }
func (c Cell) cold() Cell            { c.Cold = true; return c }
func (c Cell) by(client Client) Cell { c.Client = client; return c }

func smallGet() Cell { return base(Small, tables.Numeric) }

func (c Cell) String() string {
	if c.Operation == Small {
		return string(c.Operation) + c.transport()
	}
	s := fmt.Sprintf("%s %s %s, %s rows, %d stream", c.Operation, c.Format, c.Kind, batchName(c.BatchRows), c.Streams)
	if c.Streams > 1 {
		s += "s"
	}
	s += c.transport()
	if c.Cold {
		s += ", nothing kept"
	}
	if c.Client != Discard {
		s += fmt.Sprintf(", %s client", c.Client)
	}
	return s
}

func (c Cell) transport() string {
	if c.TLS {
		return ", TLS"
	}
	return ""
}

func batchName(rows int) string {
	if rows >= 1<<20 {
		return fmt.Sprintf("%d Mi", rows>>20)
	}
	return fmt.Sprintf("%d Ki", rows>>10)
}

// servers tells who can take part.
func (c Cell) servers() []string {
	can := slices.Clone(allServers)
	leave := func(name string) { can = slices.DeleteFunc(can, func(s string) bool { return s == name }) }
	if c.TLS || c.Format == Parquet || c.Client != Discard || c.Operation == Small {
		leave(wall)
	}
	if c.Operation == Put || c.Format == Parquet || c.Client != Discard {
		leave(opaque)
	}
	return can
}

// bytesPerStream makes cells with many streams last about as long as others.
func (c Cell) bytesPerStream(volume int64) int64 {
	total := volume
	switch {
	case c.Operation == Small:
		return 0 // one batch
	case c.Operation == Put && c.Format == Parquet:
		total = volume / 8 // compression is an order of magnitude slower
	case c.Streams > 1:
		total = 2 * volume
	}
	return total / int64(c.Streams)
}

// table describes the table that a stream of the cell moves.
func (c Cell) table(volume int64) tableKey {
	if c.Operation == Small {
		const rows = 16 // of 48 bytes, with their flatbuffer about a KiB
		return tableKey{c.Kind, rows, 0}
	}
	return tableKey{c.Kind, c.BatchRows, c.bytesPerStream(volume)}
}

// tableKey is one table to make, and one dataset to read.
type tableKey struct {
	kind      tables.Kind
	batchRows int
	bytes     int64
}

// dataset names what servers keep of the table.
func (k tableKey) dataset(format Format) string {
	name := fmt.Sprintf("%s-%d-%d", k.kind, k.batchRows, k.bytes>>20)
	if format == Parquet {
		name += ".parquet"
	}
	return name
}

// plan lists the cells in the order of the report: each varies one thing of the
// base, since all combinations would take a day.
func plan(quick bool) []Cell {
	var cells []Cell
	for _, kind := range []tables.Kind{tables.Numeric, tables.Mixed} {
		get, put := base(Get, kind), base(Put, kind)
		cells = append(cells,
			get, get.streams(8), get.by(Pyarrow), get.overTLS(), get.parquet(), get.parquet().cold(), put)
		if quick {
			continue
		}
		cells = append(cells,
			get.batch(smallBatch), get.batch(largeBatch), get.streams(4), get.streams(16), get.by(ArrowGo),
			get.streams(4).overTLS(), get.parquet().streams(4),
			put.batch(smallBatch), put.batch(largeBatch), put.streams(4), put.streams(16), put.overTLS(), put.parquet())
	}
	cells = append(cells, smallGet())
	if !quick {
		cells = append(cells, smallGet().overTLS())
	}
	slices.SortStableFunc(cells, func(a, b Cell) int { return strings.Compare(a.group(), b.group()) })
	return cells
}

// group puts the cells of one sort together.
func (c Cell) group() string { return fmt.Sprint(c.Operation, c.Format, c.Kind) }
