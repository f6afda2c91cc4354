package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/transfer"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func (e *env) newList() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "ls [PREFIX]",
		Aliases: []string{"list"},
		Short:   "List datasets",
		Long: `Lists the datasets whose names begin with PREFIX, or all. On a terminal numbers
are rounded; in a pipe they are exact, and tabs stand between the columns.`,
		Example: `  kubectl flight ls nyc/
  kubectl flight ls tmp/ -o name | xargs kubectl flight rm`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		show, ok := listOutputs[output]
		if !ok {
			return usage(cmd, fmt.Errorf("-o %q is not known; choose json or name", output))
		}
		prefix := ""
		if len(args) > 0 {
			prefix = args[0]
		}
		datasets, err := e.list(cmd, prefix)
		if err != nil {
			return err
		}
		return show(e.Out, datasets)
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or name (default: a table)")
	return cmd
}

var listOutputs = map[string]func(io.Writer, []transfer.Dataset) error{
	"":     showTable,
	"json": showJSON,
	"name": showNames,
}

func (e *env) list(cmd *cobra.Command, prefix string) (datasets []transfer.Dataset, err error) {
	t, err := e.connect(cmd.Context(), settings.RoleReader)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	datasets, err = transfer.List(cmd.Context(), t.Client(), prefix)
	return datasets, explain(err, t, "")
}

func showTable(w io.Writer, datasets []transfer.Dataset) error {
	if !isTerminal(w) {
		return writeRows(w, datasets, exact, exact)
	}
	aligned := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	return errors.Join(writeRows(aligned, datasets, humanize.Comma, size), aligned.Flush())
}

func exact(n int64) string { return strconv.FormatInt(n, 10) }

func writeRows(w io.Writer, datasets []transfer.Dataset, rows, bytes func(int64) string) error {
	if _, err := fmt.Fprintln(w, "NAME\tROWS\tBYTES"); err != nil {
		return err
	}
	for _, d := range datasets {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, rows(d.Rows), bytes(d.Bytes)); err != nil {
			return err
		}
	}
	return nil
}

func showJSON(w io.Writer, datasets []transfer.Dataset) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(datasets)
}

func showNames(w io.Writer, datasets []transfer.Dataset) error {
	for _, d := range datasets {
		if _, err := fmt.Fprintln(w, d.Name); err != nil {
			return err
		}
	}
	return nil
}
