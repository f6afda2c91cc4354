// Package commands is the command line of kubectl flight.
package commands

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // the ways to log in that a kubeconfig may name

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/progress"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/target"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2   // the command line is wrong; nothing was done
	exitInterrupted = 130 // by Ctrl-C or SIGTERM, as shells report it
)

// env is what all commands have in common.
type env struct {
	genericiooptions.IOStreams
	target *target.Options
	quiet  bool
}

// New gives the command with all its subcommands.
func New(streams genericiooptions.IOStreams) *cobra.Command {
	e := &env{IOStreams: streams, target: target.NewOptions()}
	root := &cobra.Command{
		Use:   "flight",
		Short: "Put data into Arrow Flight servers and get it out",
		Long: `Puts Parquet, Arrow, CSV and JSON lines files into the Arrow Flight servers of
flight-operator, and gets datasets out as any of them or as a table.

The server is a FlightCluster of the current namespace: its address, authority
and token are found with your kubeconfig, and a port-forward is made where its
Service cannot be reached. Or it is any server, named by --server.

Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted.`,
		Example: `  kubectl flight put flights.parquet --path nyc/flights
  kubectl flight ls
  kubectl flight get nyc/flights -o flights.csv`,
		Version: settings.Version,
		// kubectl finds the program by its name and shows it as its own.
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl flight"},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SetFlagErrorFunc(usage)
	e.target.AddFlags(root.PersistentFlags())
	root.PersistentFlags().BoolVarP(&e.quiet, "quiet", "q", false, "show no progress")
	root.AddCommand(e.newPut(), e.newGet(), e.newList(), e.newRemove(), e.newStatus())
	return root
}

// Run runs a command line and gives the exit code.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	root := New(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var wrong *usageError
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		fmt.Fprintln(streams.ErrOut, "interrupted")
		return exitInterrupted
	case errors.As(err, &wrong):
		fmt.Fprintln(streams.ErrOut, "error:", err)
		return exitUsage
	}
	fmt.Fprintln(streams.ErrOut, "error:", err)
	return exitFailed
}

// usageError is a command line that cannot be carried out.
type usageError struct {
	error
	command string
}

func (u *usageError) Error() string {
	return fmt.Sprintf("%v\nSee '%s --help'.", u.error, u.command)
}

func usage(cmd *cobra.Command, err error) error {
	return &usageError{err, cmd.CommandPath()}
}

// arguments makes the check of a command's arguments a usage error.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage(cmd, err)
		}
		return nil
	}
}

// connect finds the server and prepares the connection to it, which the caller
// closes.
func (e *env) connect(ctx context.Context, need target.Role) (*target.Target, error) {
	t, err := e.target.Resolve(ctx, need)
	if err != nil {
		return nil, err
	}
	if err := t.Connect(); err != nil {
		return nil, err
	}
	return t, nil
}

// style is how progress is shown.
func (e *env) style() progress.Style {
	switch {
	case e.quiet:
		return progress.Silent
	case isTerminal(e.ErrOut):
		return progress.Bar
	}
	return progress.Lines
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth is 0 where the stream is no terminal.
func terminalWidth(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}
