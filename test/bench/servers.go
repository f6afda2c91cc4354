package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/flight-operator/flight-operator/test/bench/child"
	"github.com/flight-operator/flight-operator/test/bench/load"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// loader puts datasets into a server, and reads them.
type loader interface {
	load.Getter
	Put(ctx context.Context, stream int, dataset string, table *tables.Table) error
	Drop(ctx context.Context, dataset string) error
}

// server is one of those that are compared, running.
type server struct {
	name    string
	process *child.Process
	target  load.Target
	loader  loader
	getters map[Client]load.Getter // those that were asked for, loader among them
	ops     string                 // HOST:PORT of profiles; empty: it has none
}

// fleet are the servers of one transport. They all run for as long as it takes,
// idle while another one is measured.
type fleet struct {
	programs programs
	servers  map[string]*server
}

// programs say how servers and clients are started.
type programs struct {
	flightserver string // binary
	self         string // this program, which has the peers
	python       string // empty: it has no pyarrow, or is not there
	scripts      string // folder of the Python programs
}

// start runs every server over the data of a folder, or those that can run here.
func (p programs) start(ctx context.Context, dir string, c *certificate) (*fleet, error) {
	f := &fleet{programs: p, servers: map[string]*server{}}
	for _, name := range append([]string{coldUs}, allServers...) {
		if name == pyarrow && p.python == "" || name == wall && c != nil {
			continue
		}
		s, err := p.startServer(ctx, name, dir, c)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("starting %s: %w", name, err), f.stop())
		}
		f.servers[name] = s
	}
	return f, nil
}

func (p programs) startServer(ctx context.Context, name, dir string, c *certificate) (*server, error) {
	s := &server{name: name}
	var command []string
	files := filepath.Join(dir, "files")
	switch name {
	case us, coldUs:
		var err error
		if s.ops, err = freeAddress(); err != nil {
			return nil, err
		}
		if command, err = p.serveIn(dir, s.ops, name == coldUs); err != nil {
			return nil, err
		}
		if c != nil {
			command = append(command, "--tls-cert", c.certFile, "--tls-key", c.keyFile)
		}
	case pyarrow:
		command = []string{p.python, filepath.Join(p.scripts, "server.py"), files}
		if c != nil {
			command = append(command, c.certFile, c.keyFile)
		}
	default:
		command = []string{p.self, servePeer, name, files}
		if c != nil {
			command = append(command, c.certFile, c.keyFile)
		}
	}
	var err error
	if s.process, err = child.Start(ctx, command...); err != nil {
		return nil, err
	}
	s.target.Address = s.process.Address
	if c != nil {
		s.target.TLS = c.client()
	}
	s.loader = newLoader(name, s.target)
	s.getters = map[Client]load.Getter{}
	return s, nil
}

func (p programs) serveOurs(dataDir, ops string) []string {
	return []string{p.flightserver, "serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--ops-listen", ops}
}

// serveIn serves from a folder of the benchmark's data. A cold server keeps no
// Parquet decoded.
func (p programs) serveIn(dir, ops string, cold bool) ([]string, error) {
	if !cold {
		return p.serveOurs(filepath.Join(dir, "data"), ops), nil
	}
	config := filepath.Join(dir, "cold.yaml")
	if err := os.WriteFile(config, []byte("storage: {cache: 0}\n"), 0o600); err != nil {
		return nil, err
	}
	return append(p.serveOurs(filepath.Join(dir, "cold"), ops), "--config", config), nil
}

// of gives the process that stands for a server in a cell.
func (f *fleet) of(name string, c Cell) *server {
	if name == us && c.Cold {
		name = coldUs
	}
	return f.servers[name]
}

func newLoader(server string, to load.Target) loader {
	if server == wall {
		return load.NewTCP(to)
	}
	return load.NewDiscard(to)
}

// freeAddress finds a port for a server that does not tell which one it took.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// getter gives the client of a cell.
func (f *fleet) getter(ctx context.Context, s *server, c Cell) (load.Getter, error) {
	switch {
	case c.Operation == Small && s.name == opaque:
		return load.Unary{Discard: s.loader.(*load.Discard)}, nil
	case c.Operation == Small || s.name == wall:
		return s.loader, nil
	}
	if g, ok := s.getters[c.Client]; ok {
		return g, nil
	}
	g, err := f.newGetter(ctx, s, c.Client)
	if err == nil {
		s.getters[c.Client] = g
	}
	return g, err
}

func (f *fleet) newGetter(ctx context.Context, s *server, kind Client) (load.Getter, error) {
	switch {
	case kind == Discard:
		return load.NewFrames(s.target), nil
	case kind == ArrowGo:
		return load.NewArrowGo(s.target), nil
	case f.programs.python == "":
		return nil, errors.New("no Python with pyarrow")
	}
	return load.NewPyarrow(ctx, f.programs.python, filepath.Join(f.programs.scripts, "client.py"), s.target)
}

func (f *fleet) stop() error {
	var errs []error
	for _, s := range f.servers {
		for _, g := range s.getters {
			errs = append(errs, g.Close())
		}
		errs = append(errs, s.loader.Close(), s.process.Stop())
	}
	return errors.Join(errs...)
}
