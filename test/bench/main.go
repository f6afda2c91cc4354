// Command bench compares flightserver with other servers that move Arrow data,
// and shows how its cost grows. `make bench` runs it; docs/performance.md tells
// what it measures and how to read its report.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/flight-operator/flight-operator/test/bench/peers"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// servePeer is the subcommand that runs one of the peers.
const servePeer = "serve-peer"

// errBars is the end of a run that measured well what is not good.
var errBars = errors.New("a floor does not hold")

type options struct {
	quick        bool
	rounds       int
	seed         uint64
	volume       int64  // bytes that one stream moves
	only         string // pattern of the names of cells and growths
	dir          string
	flightserver string
	python       string
	scripts      string
	json         string
	docs         string
	profiles     string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:           "bench",
		Short:         "Compare flightserver with other ways to move Arrow data",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.quick, "quick", false, "only the cells that bars name, in few rounds, and little growth")
	flags.IntVar(&o.rounds, "rounds", 0, "rounds of each cell after the warm-up (5, with --quick 3)")
	flags.Uint64Var(&o.seed, "seed", 0, "of the order of servers in a round (0: a new one)")
	flags.Int64Var(&o.volume, "volume", 256<<20, "bytes that a stream moves in a cell of one stream")
	flags.StringVar(&o.only, "only", "", "measure what matches this regular expression, such as 'DoPut.*1 stream$' or '^growth'")
	flags.StringVar(&o.dir, "dir", "", "where the data goes: a folder on a real disk with 12 GB left (empty: the system's for temporary files)")
	flags.StringVar(&o.flightserver, "flightserver", "bin/flightserver", "binary of the server")
	flags.StringVar(&o.python, "python", "", "Python that has pyarrow (empty: its server and client are not measured)")
	flags.StringVar(&o.scripts, "scripts", "test/bench/python", "folder of the Python programs")
	flags.StringVar(&o.json, "json", "bin/bench.json", "file for every sample (empty: none)")
	flags.StringVar(&o.docs, "docs", "", "folder for bench.svg and bench-results.md (empty: none)")
	flags.StringVar(&o.profiles, "profiles", "", "folder for a CPU profile of flightserver in each cell (empty: none)")
	cmd.AddCommand(newServePeerCommand())
	return cmd
}

func (o options) withDefaults() options {
	if o.rounds == 0 {
		o.rounds = 5
		if o.quick {
			o.rounds = 3
		}
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o
}

// bench measures, reports, and fails where a floor does not hold.
func bench(ctx context.Context, o options, out, progress io.Writer) (err error) {
	o = o.withDefaults()
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "flight-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &run{
		options:  o,
		only:     only,
		programs: programs{flightserver: o.flightserver, self: self, python: o.python, scripts: o.scripts},
		dir:      dir,
		random:   rand.New(rand.NewPCG(o.seed, 0)),
		progress: progress,
		tables:   map[tableKey]*tables.Table{},
		loaded:   map[string]bool{},
	}
	report := &Report{Machine: thisMachine(), Started: time.Now().UTC(), Seed: o.seed, Rounds: o.rounds, Quick: o.quick}
	fmt.Fprintf(progress, "seed %d, data in %s\n", o.seed, dir)
	if err := r.measureAll(ctx, report); err != nil {
		return err
	}
	report.Bars = evaluate(report)
	if err := report.write(o, out); err != nil {
		return err
	}
	if failed := report.failed(); len(failed) > 0 {
		return fmt.Errorf("%w: %d of %d", errBars, len(failed), len(report.Bars))
	}
	return nil
}

func newServePeerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    servePeer + " KIND FOLDER [CERTIFICATE KEY]",
		Short:  "Run a server that flightserver is compared with",
		Args:   cobra.RangeArgs(2, 4),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			var config *tls.Config
			if len(args) == 4 {
				pair, err := tls.LoadX509KeyPair(args[2], args[3])
				if err != nil {
					return err
				}
				config = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			// Calls in flight do not matter to a peer.
			context.AfterFunc(cmd.Context(), func() { _ = listener.Close() })
			fmt.Fprintln(cmd.OutOrStdout(), "ready", listener.Addr())
			if err := peers.Serve(args[0], args[1], listener, config); cmd.Context().Err() == nil {
				return err
			}
			return nil
		},
	}
}
