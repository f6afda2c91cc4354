package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// maxPassword bounds a password: it is a line, not a file.
const maxPassword = 1024

var errPasswordTooLong = fmt.Errorf("the password is longer than %d bytes", maxPassword)

func newUserCommand() *cobra.Command {
	var file, name, role string
	cmd := &cobra.Command{
		Use:   "user --auth-file FILE --name NAME --role Reader|Writer|Admin",
		Short: "Add a user with a password to an auth file, or change one",
		Long: `Add a user with a password to an auth file, or give one that is there another
password and role. The password is asked for, or is the first line of standard
input where that is no terminal; the file gets its argon2id hash. A server that
uses the file takes the user at once, and logins with the old password end.`,
		Example: `  flightserver user --auth-file auth.yaml --name arya --role Writer
  pass show flight/arya | flightserver user --auth-file auth.yaml --name arya --role Writer`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&file, "auth-file", "", "auth file; made when it is missing")
	cmd.Flags().StringVar(&name, "name", "", "the user's name")
	cmd.Flags().StringVar(&role, "role", "", "Reader, Writer or Admin")
	for _, required := range []string{"auth-file", "name", "role"} {
		_ = cmd.MarkFlagRequired(required)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr(), name)
		if err != nil {
			return err
		}
		return auth.SetUser(file, name, password, settings.Role(role))
	}
	return cmd
}

func readPassword(in io.Reader, prompt io.Writer, name string) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(prompt, "Password of %s: ", name)
		password, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(prompt)
		return string(password), err
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxPassword+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	password := strings.TrimRight(line, "\r\n")
	if len(password) > maxPassword {
		return "", errPasswordTooLong
	}
	return password, nil
}
