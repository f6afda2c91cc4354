package server

import (
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// opsTimeout bounds how long a peer of the ops port may take for its headers.
const opsTimeout = 10 * time.Second

// newOpsServer serves health, readiness and metrics in plaintext, and profiles
// to this machine alone: they tell of the data.
func (s *Server) newOpsServer() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", answerOK)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.Handle("/debug/pprof/", loopbackOnly(http.HandlerFunc(pprof.Index)))
	mux.Handle("/debug/pprof/cmdline", loopbackOnly(http.HandlerFunc(pprof.Cmdline)))
	mux.Handle("/debug/pprof/profile", loopbackOnly(http.HandlerFunc(pprof.Profile)))
	mux.Handle("/debug/pprof/symbol", loopbackOnly(http.HandlerFunc(pprof.Symbol)))
	mux.Handle("/debug/pprof/trace", loopbackOnly(http.HandlerFunc(pprof.Trace)))
	s.ops = &http.Server{Handler: s.withGRPCHealth(mux), Protocols: new(http.Protocols), ReadHeaderTimeout: opsTimeout}
	s.ops.Protocols.SetHTTP1(true)
	s.ops.Protocols.SetUnencryptedHTTP2(true)
}

// withGRPCHealth serves grpc.health.v1 beside the pages, for probes that speak
// gRPC and hold no certificate.
func (s *Server) withGRPCHealth(pages http.Handler) http.Handler {
	probes := grpc.NewServer()
	healthpb.RegisterHealthServer(probes, s.health)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			probes.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

func answerOK(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if !s.serving.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	answerOK(w, r)
}

func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			http.Error(w, "profiles are served to this machine only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
