package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/progress"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/transfer"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// tableRows are shown of a dataset if nothing else is asked for.
const tableRows = 20

type getOptions struct {
	*env
	output   string
	format   string
	null     string
	limit    int64
	parallel int
}

func (e *env) newGet() *cobra.Command {
	o := &getOptions{env: e}
	cmd := &cobra.Command{
		Use:   "get PATH",
		Short: "Download a dataset",
		Long: `Downloads a dataset to a file or to standard output. A file appears under its
name only when it is whole.

On a terminal the first rows are shown as a table. CSV has one text for both
the null and the empty string; the other formats keep them apart.`,
		Example: `  # Look at it
  kubectl flight get nyc/flights

  # The file's ending says the format
  kubectl flight get nyc/flights -o flights.parquet

  # Into another program
  kubectl flight get nyc/flights --format jsonl | jq -c 'select(.dest == "SFO")'`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "file to write (default: standard output)")
	flags.StringVar(&o.format, "format", "",
		"format to write: "+formats.Join(formats.Writable(), "|")+" (default: as the file's ending says; on a terminal table)")
	flags.Int64Var(&o.limit, "limit", -1, fmt.Sprintf("most rows to get (default: all; %d of a table)", tableRows))
	flags.IntVar(&o.parallel, "parallel", 4, "parts of the dataset to read at a time")
	flags.StringVar(&o.null, "null", "", "the text that stands for a null in CSV")
	flags.Lookup("limit").DefValue = "" // the text above says it
	return cmd
}

func (o *getOptions) run(cmd *cobra.Command, dataset string) (err error) {
	ctx := cmd.Context()
	format, err := o.chooseFormat()
	if err != nil {
		return usage(cmd, err)
	}
	if format == formats.Table && !cmd.Flags().Changed("limit") {
		o.limit = tableRows
	}
	t, err := o.connect(ctx, settings.RoleReader)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	out, err := openOutput(o.output, o.Out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	if err := o.download(ctx, t, dataset, format, out); err != nil {
		return explain(err, t, dataset)
	}
	return out.Keep()
}

func (o *getOptions) chooseFormat() (formats.Format, error) {
	toStdout := o.output == "" || o.output == formats.Stdin
	terminal := toStdout && isTerminal(o.Out)
	switch {
	case o.format == "" && terminal:
		return formats.Table, nil
	case o.format == "" && toStdout:
		return "", errors.New("give --format, the format of standard output: " + formats.Join(formats.Writable(), "|"))
	}
	f, err := formats.Find(o.format, o.output, formats.Writable())
	if err == nil && terminal && (f == formats.Parquet || f == formats.Arrow || f == formats.ArrowStream) {
		return "", fmt.Errorf("%s is not for a terminal; give -o FILE", f)
	}
	return f, err
}

func (o *getOptions) download(ctx context.Context, conns transfer.Connections, dataset string, format formats.Format, out *output) error {
	display := progress.New(o.ErrOut, o.downloadStyle(format), dataset, clock.RealClock{})
	defer display.Close()
	rows, err := transfer.Get(ctx, conns, transfer.Download{
		Dataset: dataset, Limit: o.limit, Parallel: o.parallel,
		Open: func(schema *arrow.Schema, total int64) (formats.Writer, error) {
			return formats.NewWriter(out, format, schema, formats.WriteOptions{
				Null:  o.null,
				Table: formats.TableOptions{Width: terminalWidth(o.Out), Footer: tableFooter(total)},
			})
		},
		Progress: func(rows, total int64) {
			display.Update(progress.State{Done: part(rows, total), Rows: rows, Bytes: out.written})
		},
	})
	display.Close()
	if err != nil || format == formats.Table || o.quiet || out.place == "" {
		return err
	}
	fmt.Fprintf(o.ErrOut, "%s: %s, written to %s\n", dataset, display.Summary(progress.State{Rows: rows, Bytes: out.written}), o.output)
	return nil
}

// downloadStyle keeps a bar out of a table.
func (o *getOptions) downloadStyle(format formats.Format) progress.Style {
	if format == formats.Table {
		return progress.Silent
	}
	return o.style()
}

func part(rows, total int64) float64 {
	if total <= 0 {
		return -1
	}
	return float64(rows) / float64(total)
}

func tableFooter(total int64) func(int) string {
	return func(rows int) string {
		switch {
		case total < 0:
			return fmt.Sprintf("%s rows shown", humanize.Comma(int64(rows)))
		case int64(rows) == total:
			return fmt.Sprintf("%s rows", humanize.Comma(total))
		}
		return fmt.Sprintf("%s of %s rows", humanize.Comma(int64(rows)), humanize.Comma(total))
	}
}
