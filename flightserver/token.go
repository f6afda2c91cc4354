package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func newTokenCommand() *cobra.Command {
	var file, name, role string
	cmd := &cobra.Command{
		Use:   "token --auth-file FILE --name NAME --role Reader|Writer|Admin",
		Short: "Make a token and add its digest to an auth file",
		Long: `Make a token, add its digest to an auth file and print the token, this once:
the file holds nothing that gives access. A server that uses the file takes the
token at once, without a restart.`,
		Example: `  # Roles: a Reader lists and reads, a Writer also writes and drops
  TOKEN=$(flightserver token --auth-file auth.yaml --name etl --role Writer)`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&file, "auth-file", "", "auth file; made when it is missing")
	cmd.Flags().StringVar(&name, "name", "", "who the token is for")
	cmd.Flags().StringVar(&role, "role", "", "Reader, Writer or Admin")
	for _, required := range []string{"auth-file", "name", "role"} {
		_ = cmd.MarkFlagRequired(required)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		text, err := auth.AddToken(file, name, settings.Role(role))
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), text)
		return nil
	}
	return cmd
}
