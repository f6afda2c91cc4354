package server

import (
	"bytes"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
)

// maxCommand bounds a command, whose filter and columns go into every ticket.
const maxCommand = 128 << 10

// query is what a client asks of a dataset.
type query struct {
	Dataset string   `json:"dataset"`
	Columns []string `json:"columns,omitzero"`  // nil: all
	Filter  string   `json:"filter,omitempty"`  // empty: all rows
	Limit   *int64   `json:"limit,omitempty"`   // nil: all rows
	Version uint64   `json:"version,omitempty"` // 0: the newest
}

// queryOf reads what a descriptor asks for: the dataset at a path, or what a
// command says.
func queryOf(descriptor *flight.FlightDescriptor) (query, error) {
	switch descriptor.GetType() {
	case flight.DescriptorPATH:
		name, err := requireDataset(strings.Join(descriptor.GetPath(), "/"))
		return query{Dataset: name}, err
	case flight.DescriptorCMD:
		return readQuery(descriptor.GetCmd())
	default:
		return query{}, badRequest("a descriptor is a path or a command")
	}
}

// readQuery reads a command: a JSON object, else the plain name of a dataset.
func readQuery(body []byte) (query, error) {
	if len(body) > maxCommand {
		return query{}, badRequest("the command has %d bytes, at most %d are read", len(body), maxCommand)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		name, err := requireDataset(string(body))
		return query{Dataset: name}, err
	}
	var command struct {
		query

		SQL *string `json:"sql"`
	}
	if err := decodeBody(body, &command); err != nil {
		return query{}, err
	}
	if command.SQL != nil {
		return query{}, unsupported(`this server runs no SQL; {"dataset", "columns", "filter", "limit", "version"} is what a command may say`)
	}
	if command.Limit != nil && *command.Limit < 0 {
		return query{}, badRequest("limit %d is negative", *command.Limit)
	}
	_, err := requireDataset(command.Dataset)
	return command.query, err
}
