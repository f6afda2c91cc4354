package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/server"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tokenreview"
)

func newServeCommand() *cobra.Command {
	var configFile string
	cmd := &cobra.Command{
		Use:   "serve --data-dir DIR",
		Short: "Serve the datasets of a directory",
		Long: `Serve the datasets of a directory over Arrow Flight.

Without TLS and an auth file the server listens on loopback only and allows
every call everything. One line on standard output tells that it is ready and
where; logs go to standard error. SIGTERM lets calls in flight end first.

Flags override the settings file.`,
		Example: `  # Alone on a laptop
  flightserver serve --data-dir ./data

  # For others, with TLS and tokens
  flightserver token --auth-file auth.yaml --name me --role Writer
  flightserver serve --data-dir ./data --listen :8815 \
    --tls-cert tls.crt --tls-key tls.key --auth-file auth.yaml \
    --advertise grpc+tls://flight.example:8815

  # As the settings file says, but on another port
  flightserver serve --config settings.yaml --listen 127.0.0.1:9000`,
		Args: cobra.NoArgs,
	}
	addSettingsFlags(cmd.Flags())
	cmd.Flags().StringVar(&configFile, "config", "", "settings file (YAML)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := loadSettings(configFile)
		if err != nil {
			return err
		}
		overrideSettings(s, cmd.Flags())
		return serve(cmd, s)
	}
	return cmd
}

func serve(cmd *cobra.Command, s *settings.ServerSettings) error {
	limitMemory()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	srv, err := server.New(cmd.Context(), server.Options{
		Settings: s,
		Logger:   newLogger(cmd.ErrOrStderr(), s.LogFormat),
		Registry: registry,
		Clock:    clock.RealClock{},
		Reviewer: tokenreview.InCluster(),
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "flightserver ready", srv.URI())
	return srv.Run(cmd.Context())
}

// limitMemory has Go collect garbage before the control group's limit is met,
// which would end the process. GOMEMLIMIT, where it is set, holds. Where there is
// no control group there is nothing to do.
func limitMemory() { _, _ = memlimit.Set() }

func newLogger(w io.Writer, format string) *slog.Logger {
	if format == settings.LogJSON {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

func loadSettings(file string) (*settings.ServerSettings, error) {
	if file == "" {
		return settings.Default(), nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, err := settings.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}
