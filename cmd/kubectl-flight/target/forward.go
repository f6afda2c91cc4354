package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// forwardTo gives a dialer of the cluster's servers. Each connection is a
// port-forward of its own to a pod that is ready just then, so that one whose
// pod has gone is followed by one to the pod that came after it.
func (k *Kubernetes) forwardTo(cr *v1alpha1.FlightCluster) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		pod, err := k.readyPod(ctx, cr)
		if err != nil {
			return nil, err
		}
		conn, err := forward(ctx, k.config, cr.Namespace, pod)
		if err != nil {
			return nil, fmt.Errorf("port-forward to pod %s: %w", pod, err)
		}
		return conn, nil
	}
}

// forwarded is a connection through a port-forward, which ends with it.
type forwarded struct {
	net.Conn
	stop context.CancelFunc
	done <-chan struct{}
}

func (f *forwarded) Close() error {
	err := f.Conn.Close()
	f.stop()
	<-f.done
	return err
}

func forward(ctx context.Context, config *rest.Config, namespace, pod string) (net.Conn, error) {
	dialer, err := forwardDialer(config, namespace, pod)
	if err != nil {
		return nil, err
	}
	// The forward outlives ctx, which bounds the dialing alone.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	ready, done := make(chan struct{}), make(chan struct{})
	var complaints bytes.Buffer // of the forwarder; read after done
	ports := []string{"0:" + strconv.Itoa(settings.PortData)}
	f, err := portforward.NewOnAddressesForStreamingWithContext(life, dialer, []string{"127.0.0.1"}, ports, ready, io.Discard, &complaints)
	if err != nil {
		stop()
		return nil, err
	}
	var ended error
	go func() {
		defer close(done)
		ended = f.ForwardPorts()
	}()
	select {
	case <-ready:
	case <-done:
		stop()
		return nil, errors.Join(ended, complaint(&complaints))
	case <-ctx.Done():
		// The library cannot be stopped while the API server does not answer:
		// its goroutine ends when that does, or with the process.
		stop()
		return nil, ctx.Err()
	}
	conn, err := dialForward(ctx, f)
	if err != nil {
		stop()
		<-done
		return nil, err
	}
	return &forwarded{Conn: conn, stop: stop, done: done}, nil
}

func complaint(b *bytes.Buffer) error {
	if b.Len() == 0 {
		return nil
	}
	return errors.New(string(bytes.TrimSpace(b.Bytes())))
}

func dialForward(ctx context.Context, f *portforward.PortForwarder) (net.Conn, error) {
	ports, err := f.GetPorts()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(ports[0].Local)))
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// forwardDialer speaks WebSocket to the API server, and SPDY to one that is
// older or behind a proxy, as kubectl does.
func forwardDialer(config *rest.Config, namespace, pod string) (httpstream.Dialer, error) {
	host, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	at := host.JoinPath("api", "v1", "namespaces", namespace, "pods", pod, "portforward")
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
	tunnel, err := portforward.NewSPDYOverWebsocketDialerForStreaming(at, config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(tunnel, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}
