package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

var errProblems = errors.New("the data directory has problems")

func newCheckCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "check --data-dir DIR",
		Short: "Verify every checksum in a data directory",
		Long: `Verify every checksum and every reference in the directory of a server that
is stopped. Prints a line a problem and ends with code 1 when there is one. What
a crash left unfinished is no problem: the server clears it when it starts.`,
		Example: `  flightserver check --data-dir ./data`,
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&dir, "data-dir", "", "directory of the data")
	_ = cmd.MarkFlagRequired("data-dir")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		problems, err := catalog.Check(cmd.Context(), dir)
		if err != nil {
			return err
		}
		for _, p := range problems {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; %s\n", p.Path, p.Reason, p.Advice)
		}
		if len(problems) > 0 {
			return fmt.Errorf("%w: %d", errProblems, len(problems))
		}
		fmt.Fprintln(cmd.OutOrStdout(), "no problem found")
		return nil
	}
	return cmd
}
