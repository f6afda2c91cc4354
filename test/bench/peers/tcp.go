package peers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
)

// tcpWrite is how much of a mapped file one write hands to the kernel.
const tcpWrite = 1 << 20

// serveTCP answers one line a connection: "get NAME" with the file, "put NAME"
// by storing what follows, "drop NAME" by removing it. The answer ends with the
// connection.
func serveTCP(dir string, listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			if err := answerTCP(dir, conn); err != nil {
				fmt.Fprintln(os.Stderr, "tcp:", err)
			}
		}()
	}
}

func answerTCP(dir string, conn net.Conn) error {
	in := bufio.NewReaderSize(conn, tcpWrite)
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	verb, name, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch verb {
	case "get":
		return sendMapped(conn, path(dir, name))
	case "put":
		if err := storeSynced(path(dir, name), in); err != nil {
			return err
		}
		_, err := io.WriteString(conn, "stored\n")
		return err
	case "drop":
		return os.Remove(path(dir, name))
	}
	return fmt.Errorf("no verb is %q", verb)
}

func sendMapped(w io.Writer, name string) error {
	pages, unmap, err := mapFile(name)
	if err != nil {
		return err
	}
	defer unmap()
	for part := range slices.Chunk(pages, tcpWrite) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func storeSynced(name string, r io.Reader) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// Not io.Copy, which splices: a server that looks at the bytes cannot.
	if _, err := io.CopyBuffer(struct{ io.Writer }{file}, struct{ io.Reader }{r}, make([]byte, tcpWrite)); err != nil {
		return err
	}
	return file.Sync()
}
