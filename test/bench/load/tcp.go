package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// TCP speaks with the server of bare files, a connection a call.
type TCP struct{ target Target }

// NewTCP makes the client of a server.
func NewTCP(to Target) *TCP { return &TCP{to} }

// Close has nothing to end.
func (c *TCP) Close() error { return nil }

// Get receives a file.
func (c *TCP) Get(ctx context.Context, _ int, dataset string) (Transfer, error) {
	conn, err := c.ask(ctx, "get", dataset)
	if err != nil {
		return Transfer{}, err
	}
	defer conn.Close()
	var t Transfer
	buffer := make([]byte, readBuffer)
	for {
		n, err := conn.Read(buffer)
		t.Bytes += int64(n)
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return t, err
		}
	}
}

// Put sends a table's messages and waits until they are stored.
func (c *TCP) Put(ctx context.Context, _ int, dataset string, table *tables.Table) error {
	conn, err := c.ask(ctx, "put", dataset)
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := range table.Batches {
		m := table.Batch(i)
		buffers := net.Buffers{m.Header, m.Body}
		if _, err := buffers.WriteTo(conn); err != nil {
			return err
		}
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && len(answer) == 0 {
		err = fmt.Errorf("%q was not stored", dataset)
	}
	return err
}

// Drop removes a file.
func (c *TCP) Drop(ctx context.Context, dataset string) error {
	conn, err := c.ask(ctx, "drop", dataset)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.ReadAll(conn) // the server is done when it closes
	return err
}

func (c *TCP) ask(ctx context.Context, verb, dataset string) (*net.TCPConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.target.Address)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(conn, verb, dataset); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn.(*net.TCPConn), nil
}
