package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/progress"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/target"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/transfer"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

type putOptions struct {
	*env
	path   string
	mode   string
	format string
	null   string
	types  []string
}

func (e *env) newPut() *cobra.Command {
	o := &putOptions{env: e}
	cmd := &cobra.Command{
		Use:   "put FILE...",
		Short: "Upload files as datasets",
		Long: `Uploads files. Each becomes the dataset that is named like the file without its
ending; with --path all files together become one dataset, and their columns must
be equal. "-" is standard input.

An upload is visible whole or not at all. Types and metadata of Parquet and Arrow
files are kept. The types of the columns of CSV and JSON lines are taken from the
first 8 MiB: numbers, true and false, dates and times in ISO form, else text;
--type sets those that are not to be guessed.`,
		Example: `  # The dataset "flights"
  kubectl flight put flights.parquet

  # One dataset from many files
  kubectl flight put 'trips-2013-*.parquet' --path nyc/trips

  # More rows for a dataset
  kubectl flight put january.csv --path nyc/weather --mode append

  # From another program
  zcat log.jsonl.gz | kubectl flight put - --format jsonl --path logs`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.path, "path", "", "dataset to write, such as nyc/flights (default: the file's name without its ending)")
	flags.StringVar(&o.mode, "mode", string(transfer.Replace), "create a dataset that is not there yet, replace it, or append to one that is there")
	flags.StringVar(&o.format, "format", "", "format of the files: "+formats.Join(formats.Readable(), "|")+" (default: as the file's ending says)")
	flags.StringArrayVar(&o.types, "type", nil, "COLUMN=TYPE of a column of CSV or JSON lines, such as delay=float64; may be repeated")
	flags.StringVar(&o.null, "null", "", "the text that stands for a null in CSV")
	return cmd
}

func (o *putOptions) run(cmd *cobra.Command, args []string) (err error) {
	ctx := cmd.Context()
	uploads, err := o.uploads(ctx, args)
	if err != nil {
		return usage(cmd, err)
	}
	t, err := o.connect(ctx, settings.RoleWriter)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	for _, u := range uploads {
		if err := o.put(ctx, t, u); err != nil {
			return err
		}
	}
	return nil
}

// uploads says what becomes of the arguments.
func (o *putOptions) uploads(ctx context.Context, args []string) ([]transfer.Upload, error) {
	mode := transfer.Mode(o.mode)
	if mode != transfer.Create && mode != transfer.Replace && mode != transfer.Append {
		return nil, fmt.Errorf("--mode %q is not known; choose create, replace or append", o.mode)
	}
	types, err := formats.ParseTypes(o.types)
	if err != nil {
		return nil, err
	}
	sources, err := o.sources(ctx, args)
	if err != nil {
		return nil, err
	}
	read := formats.ReadOptions{Null: o.null, Types: types}
	if o.path != "" {
		return []transfer.Upload{{Dataset: o.path, Mode: mode, Sources: sources, Read: read}}, nil
	}
	var uploads []transfer.Upload
	from := map[string]formats.Source{}
	for _, s := range sources {
		name, err := datasetName(s)
		if err != nil {
			return nil, err
		}
		if other, taken := from[name]; taken {
			return nil, fmt.Errorf("%s and %s would both be dataset %q; --path puts them into one", other, s, name)
		}
		from[name] = s
		uploads = append(uploads, transfer.Upload{Dataset: name, Mode: mode, Sources: []formats.Source{s}, Read: read})
	}
	return uploads, nil
}

func datasetName(s formats.Source) (string, error) {
	if s.Path == formats.Stdin {
		return "", errors.New("give --path, the dataset that standard input becomes")
	}
	base := filepath.Base(s.Path)
	return strings.TrimSuffix(base, filepath.Ext(base)), nil
}

func (o *putOptions) sources(ctx context.Context, args []string) ([]formats.Source, error) {
	files, err := expand(args)
	if err != nil {
		return nil, err
	}
	sources := make([]formats.Source, len(files))
	for i, file := range files {
		if file == formats.Stdin && o.format == "" {
			return nil, errors.New("give --format, the format of standard input: " + formats.Join(formats.Readable(), "|"))
		}
		f, err := formats.Find(o.format, file, formats.Readable())
		if err != nil {
			return nil, err
		}
		sources[i] = formats.Source{Path: file, Format: f}
		if file == formats.Stdin {
			if len(files) > 1 {
				return nil, errors.New(`"-", standard input, cannot stand beside files`)
			}
			sources[i].Stdin = interruptible(ctx, o.In)
		}
	}
	return sources, nil
}

// expand finds the files of patterns, which a shell leaves as they are when
// they are quoted.
func expand(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		// A file may be named like a pattern.
		if _, err := os.Lstat(arg); err == nil || !strings.ContainsAny(arg, "*?[") {
			files = append(files, arg)
			continue
		}
		matches, err := filepath.Glob(arg)
		if err != nil {
			return nil, fmt.Errorf("the pattern %s is not well formed", arg)
		}
		if len(matches) == 0 {
			return nil, fmt.Errorf("no file matches %s", arg)
		}
		files = append(files, matches...)
	}
	return files, nil
}

// interruptible ends with ctx, even while a read waits for somebody to type.
// The goroutine that waits then ends with the process.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err) // nil: the end
	}()
	return out
}

func (o *putOptions) put(ctx context.Context, t *target.Target, u transfer.Upload) error {
	display := progress.New(o.ErrOut, o.style(), u.Dataset, clock.RealClock{})
	defer display.Close()
	u.Progress = func(done float64, sent transfer.Sent) {
		display.Update(progress.State{Done: done, Rows: sent.Rows, Bytes: sent.Bytes})
	}
	u.Retrying = func(err error) {
		display.Close()
		fmt.Fprintf(o.ErrOut, "%s: the connection broke, sending it again: %s\n", u.Dataset, status.Convert(err).Message())
	}
	result, sent, err := transfer.Put(ctx, t.Client(), u)
	display.Close()
	if err != nil {
		return explain(err, t, u.Dataset)
	}
	total := ""
	if u.Mode == transfer.Append {
		total = fmt.Sprintf(" with %s rows", humanize.Comma(result.Rows))
	}
	_, err = fmt.Fprintf(o.Out, "%s: %s, version %d%s\n", u.Dataset,
		display.Summary(progress.State{Rows: sent.Rows, Bytes: sent.Bytes}), result.Version, total)
	return err
}
