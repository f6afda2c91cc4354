package commands

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/transfer"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func (e *env) newRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "rm PATH...",
		Aliases: []string{"delete"},
		Short:   "Delete datasets",
		Long: `Deletes datasets with all their versions. Downloads that have begun end well.

A dataset that a FlightDataset declares is declared anew, empty, soon after:
delete the FlightDataset instead.`,
		Example: `  kubectl flight rm nyc/flights`,
		Args:    arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			t, err := e.connect(cmd.Context(), settings.RoleWriter)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, t.Close()) }()
			for _, name := range args {
				if err := transfer.Drop(cmd.Context(), t.Client(), name); err != nil {
					return explain(err, t, name)
				}
				if _, err := fmt.Fprintf(e.Out, "dataset %q deleted\n", name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
