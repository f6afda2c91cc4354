// Package peers has the servers that ours is compared with. Each serves the
// files of one folder, as plainly as its kind can.
package peers

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Kinds of servers.
const (
	TCP    = "tcp"   // file pages written to a socket: no server can be faster
	Opaque = "grpc"  // file pages as gRPC messages that mean nothing to gRPC
	Naive  = "naive" // arrow-go as its examples use it
)

const parquetSuffix = ".parquet"

// Serve serves the files of a folder until the listener is closed. It takes TLS
// where a configuration is given.
func Serve(kind, dir string, listener net.Listener, config *tls.Config) error {
	switch kind {
	case TCP:
		return serveTCP(dir, listener)
	case Opaque:
		return serveOpaque(dir, listener, credentialsOf(config)...)
	case Naive:
		return serveNaive(dir, listener, credentialsOf(config)...)
	}
	return fmt.Errorf("no kind of server is named %q: there are %s, %s and %s", kind, TCP, Opaque, Naive)
}

func credentialsOf(config *tls.Config) []grpc.ServerOption {
	if config == nil {
		return nil
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))}
}

// path is where a dataset lies. Names are the benchmark's own and need no
// escaping.
func path(dir, name string) string {
	if strings.HasSuffix(name, parquetSuffix) {
		return filepath.Join(dir, name)
	}
	return filepath.Join(dir, name+".arrow")
}

// mapFile maps a file for reading; unmap ends that.
func mapFile(name string) (pages []byte, unmap func(), err error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("opening %s: %w", name, err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, nil, err
	}
	pages, err = unix.Mmap(fd, 0, int(stat.Size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping %s: %w", name, err)
	}
	return pages, func() { _ = unix.Munmap(pages) }, nil
}
