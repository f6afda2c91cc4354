package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Pyarrow is pyarrow's client in a process of its own, which answers one
// request a line and measures with its own clock. It has one stream, and no TLS.
type Pyarrow struct {
	target Target
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
}

// NewPyarrow starts the client of a server.
func NewPyarrow(ctx context.Context, python, script string, to Target) (*Pyarrow, error) {
	c := &Pyarrow{target: to, cmd: exec.CommandContext(ctx, python, script)}
	c.cmd.Stderr = os.Stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// Get reads a dataset's chunks.
func (c *Pyarrow) Get(_ context.Context, _ int, dataset string) (Transfer, error) {
	request := map[string]string{"uri": "grpc://" + c.target.Address, "dataset": dataset}
	if err := json.NewEncoder(c.in).Encode(request); err != nil {
		return Transfer{}, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return Transfer{}, fmt.Errorf("the pyarrow client gave no answer: %w", err)
	}
	var answer struct {
		Bytes   int64   `json:"bytes"`
		Seconds float64 `json:"seconds"`
		Error   string  `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return Transfer{}, err
	}
	if answer.Error != "" {
		return Transfer{}, fmt.Errorf("pyarrow: %s", answer.Error)
	}
	return Transfer{Bytes: answer.Bytes, Took: time.Duration(answer.Seconds * float64(time.Second))}, nil
}

// Close ends the process.
func (c *Pyarrow) Close() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }
