package limits

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestAConnectionTooManyIsClosed(t *testing.T) {
	under, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(under, 1, testMetrics())
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	first := dial(t, under)
	served := <-accepted
	if _, ok := served.(io.ReaderFrom); !ok {
		t.Error("the connection has lost what TCP can do")
	}
	if _, err := dial(t, under).Read(make([]byte, 1)); err == nil || errors.Is(err, io.ErrNoProgress) {
		t.Errorf("the second connection: %v", err)
	}
	_ = served.Close()
	_ = served.Close() // gRPC does
	_ = first.Close()
	dial(t, under)
	_ = (<-accepted).Close()
	_ = l.Close()
	for range accepted {
	}
	if open := l.open.Load(); open != 0 {
		t.Errorf("%d connections are counted at the end", open)
	}
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", l.Addr().String(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
