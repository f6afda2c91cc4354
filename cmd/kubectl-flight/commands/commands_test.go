package commands

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const trips = "day,vendor,fare\n2013-01-01,a,1.5\n2013-01-02,,2\n2013-01-03,b,\n"

func TestThereAndBack(t *testing.T) {
	at := serve(t, nil)
	dir := t.TempDir()
	put := must(t, "put", at, write(t, dir, "trips.csv", trips), "--path", "nyc/trips")
	if !regexp.MustCompile(`^nyc/trips: 3 rows, \d+ B in .*, version 1\n$`).MatchString(put.out) || put.err != "" {
		t.Errorf("put said %q and %q", put.out, put.err)
	}
	for _, name := range []string{"a.parquet", "a.arrow", "a.arrows", "a.tsv", "a.jsonl"} {
		file := filepath.Join(dir, name)
		must(t, "get", at, "nyc/trips", "-o", file)
		must(t, "put", at, file, "--path", name)
		if got := must(t, "get", at, name, "--format", "csv"); got.out != trips {
			t.Errorf("%s: got %q", name, got.out)
		}
	}
}

func TestPutSeveral(t *testing.T) {
	at := serve(t, nil)
	dir := t.TempDir()
	write(t, dir, "one.csv", "n\n1\n")
	write(t, dir, "two.csv", "n\n2\n3\n")
	pattern := filepath.Join(dir, "*.csv")

	must(t, "put", at, pattern)
	must(t, "put", at, pattern, "--path", "all")
	must(t, "put", at, pattern, "--path", "all", "--mode", "append")
	want := "NAME\tROWS\tBYTES\nall\t6\t\none\t1\t\ntwo\t2\t\n"
	got := regexp.MustCompile(`(?m)\d+$`).ReplaceAllString(must(t, "ls", at).out, "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := must(t, "get", at, "all", "--format", "csv").out; got != "n\n1\n2\n3\n1\n2\n3\n" {
		t.Errorf("got %q", got)
	}
}

func TestStdin(t *testing.T) {
	at := serve(t, nil)
	r := run(t.Context(), `{"a": 1}`, "put", at, "-", "--format", "jsonl", "--path", "piped")
	if r.code != exitOK {
		t.Fatal(r.err)
	}
	if got := must(t, "get", at, "piped", "--format", "jsonl").out; got != "{\"a\":1}\n" {
		t.Errorf("got %q", got)
	}
}

func TestListAndRemove(t *testing.T) {
	at := serve(t, nil)
	file := write(t, t.TempDir(), "x.csv", "n\n1\n")
	for _, name := range []string{"nyc/b", "nyc/a", "sfo"} {
		must(t, "put", at, file, "--path", name)
	}
	if got := must(t, "ls", at, "nyc/", "-o", "name").out; got != "nyc/a\nnyc/b\n" {
		t.Errorf("got %q", got)
	}
	if got := must(t, "ls", at, "none", "-o", "json").out; got != "[]\n" {
		t.Errorf("got %q", got)
	}
	if got := must(t, "rm", at, "nyc/a", "nyc/b").out; got != "dataset \"nyc/a\" deleted\ndataset \"nyc/b\" deleted\n" {
		t.Errorf("got %q", got)
	}
	if got := must(t, "ls", at, "-o", "name").out; got != "sfo\n" {
		t.Errorf("got %q", got)
	}
}

func TestTable(t *testing.T) {
	at := serve(t, nil)
	must(t, "put", at, write(t, t.TempDir(), "n.csv", "n\n"+strings.Repeat("7\n", 50)))
	got := must(t, "get", at, "n", "--format", "table", "--limit", "2").out
	if diff := cmp.Diff("n\n7\n7\n2 of 50 rows\n", got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := must(t, "get", at, "n", "--format", "table").out; !strings.HasSuffix(got, "20 of 50 rows\n") {
		t.Errorf("got %q", got)
	}
}

func TestRefusals(t *testing.T) {
	at := serve(t, nil)
	dir := t.TempDir()
	file := write(t, dir, "x.csv", "n\n1\n")
	must(t, "put", at, file)
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"GetMissing":    {[]string{"get", "nope", "--format", "csv"}, exitFailed, `dataset "nope" not found; kubectl flight ls shows what is there`},
		"RemoveMissing": {[]string{"rm", "nope"}, exitFailed, `dataset "nope" not found`},
		"CreateAgain":   {[]string{"put", file, "--mode", "create"}, exitFailed, `dataset "x" exists already; --mode replace`},
		"AppendMissing": {[]string{"put", file, "--path", "new", "--mode", "append"}, exitFailed, `dataset "new" not found`},
		"OtherColumns":  {[]string{"put", write(t, dir, "y.csv", "m\n1\n"), "--path", "x", "--mode", "append"}, exitFailed, "refuses: "},
		"BadName":       {[]string{"put", file, "--path", "a/../b"}, exitFailed, `".."`},
		"BadFile":       {[]string{"put", write(t, dir, "bad.csv", "n\n1,2\n")}, exitFailed, "line 2 has more or fewer fields"},
		"NoFile":        {[]string{"put", filepath.Join(dir, "nope.csv")}, exitFailed, "no such file"},
		"NoMatch":       {[]string{"put", filepath.Join(dir, "*.parquet")}, exitUsage, "no file matches"},
		"SameName":      {[]string{"put", file, write(t, t.TempDir(), "x.tsv", "n\n1\n")}, exitUsage, "--path puts them into one"},
		"NoEnding":      {[]string{"put", "data"}, exitUsage, "does not tell its format; give --format parquet|arrow"},
		"BadFormat":     {[]string{"get", "x", "--format", "xlsx"}, exitUsage, `--format "xlsx" is not known`},
		"BadMode":       {[]string{"put", file, "--mode", "upsert"}, exitUsage, "choose create, replace or append"},
		"BadType":       {[]string{"put", file, "--type", "n=int65"}, exitUsage, `type "int65" is not known`},
		"OtherType":     {[]string{"put", file, "--type", "m=int64"}, exitFailed, `--type names column "m"`},
		"PipedGet":      {[]string{"get", "x"}, exitUsage, "give --format, the format of standard output"},
		"PipedPut":      {[]string{"put", "-", "--path", "x"}, exitUsage, "give --format, the format of standard input"},
		"PipedNoPath":   {[]string{"put", "-", "--format", "csv"}, exitUsage, "give --path"},
		"Directory":     {[]string{"get", "x", "-o", dir, "--format", "csv"}, exitFailed, "is a directory"},
		"NoArgument":    {[]string{"get"}, exitUsage, "kubectl flight get --help"},
		"UnknownFlag":   {[]string{"ls", "--colour"}, exitUsage, "unknown flag: --colour"},
		"BadOutput":     {[]string{"ls", "-o", "yaml"}, exitUsage, "choose json or name"},
		"Status":        {[]string{"status"}, exitUsage, "status is about a FlightCluster"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := run(t.Context(), "", append(tc.args, at)...)
			if got.code != tc.code || !strings.Contains(got.err, tc.want) || !strings.HasPrefix(got.err, "error: ") {
				t.Errorf("got %d and %q, want %d and %q", got.code, got.err, tc.code, tc.want)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	got := run(t.Context(), "", "ls", "--server=grpc://127.0.0.1:1")
	if got.code != exitFailed || !strings.Contains(got.err, "grpc://127.0.0.1:1 cannot be reached") {
		t.Errorf("got %+v", got)
	}
}

func TestNoKubeconfig(t *testing.T) {
	t.Setenv("KUBECONFIG", "/no/such")
	got := run(t.Context(), "", "ls")
	if got.code != exitFailed || !strings.Contains(got.err, "there is no kubeconfig") || !strings.Contains(got.err, "--server") {
		t.Errorf("got %+v", got)
	}
}

func TestTokens(t *testing.T) {
	at := serve(t, func(s *settings.ServerSettings) {
		s.AuthFile = write(t, t.TempDir(), "auth.yaml", "apiVersion: "+settings.APIVersion+"\nkind: "+settings.KindCredentials+"\nanonymous: Reader\n")
	})
	must(t, "ls", at)
	file := write(t, t.TempDir(), "x.csv", "n\n1\n")
	if got := run(t.Context(), "", "put", at, file); got.code != exitFailed || !strings.Contains(got.err, "--token-file") {
		t.Errorf("got %+v", got)
	}
	if got := run(t.Context(), "", "ls", at, "--token", "wrong"); got.code != exitFailed || !strings.Contains(got.err, "wants to know who you are: Invalid token") {
		t.Errorf("got %+v", got)
	}
}

// interruptedAfter gives a context that ends as by Ctrl-C. A deadline would not
// do: gRPC tells it to the server, which may be the first to act on it.
func interruptedAfter(t *testing.T, wait time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(wait, cancel)
	return ctx, func() {
		timer.Stop()
		cancel()
	}
}

// A download that is interrupted leaves what was there before, and nothing else.
func TestInterruptedGet(t *testing.T) {
	at := serve(t, nil)
	dir := t.TempDir()
	must(t, "put", at, write(t, t.TempDir(), "n.csv", "n\n"+strings.Repeat("7\n", 1<<20)))
	place := write(t, dir, "n.csv", "before")
	for _, wait := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
		ctx, cancel := interruptedAfter(t, wait)
		got := run(ctx, "", "get", at, "n", "-o", place)
		cancel()
		if got.code != exitInterrupted || got.err != "interrupted\n" {
			t.Errorf("after %v: got %+v", wait, got)
		}
		if diff := cmp.Diff([]string{"n.csv"}, names(t, dir)); diff != "" || read(t, place) != "before" {
			t.Errorf("after %v: the directory has %v", wait, names(t, dir))
		}
	}
	must(t, "get", at, "n", "-o", place)
	if got := read(t, place); len(got) != 2<<20+2 {
		t.Errorf("the whole file has %d bytes", len(got))
	}
}

// An upload that is interrupted leaves nothing, even while it waits for input.
func TestInterruptedPut(t *testing.T) {
	at := serve(t, nil)
	ctx, cancel := interruptedAfter(t, 300*time.Millisecond)
	defer cancel()
	var out, errOut bytes.Buffer
	code := Run(ctx, []string{"put", at, "-", "--format", "csv", "--path", "endless"},
		genericiooptions.IOStreams{In: endless{"7\n"}, Out: &out, ErrOut: &errOut})
	if code != exitInterrupted {
		t.Errorf("got %d, %s", code, errOut.String())
	}
	if got := must(t, "ls", at, "-o", "name").out; got != "" {
		t.Errorf("the server has %q", got)
	}
}

// Devices are written to, not replaced by a file.
func TestGetToDevice(t *testing.T) {
	at := serve(t, nil)
	must(t, "put", at, write(t, t.TempDir(), "n.csv", "n\n1\n"))
	must(t, "get", at, "n", "--format", "csv", "-o", "/dev/null")
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"put", "--help"}, {"get", "--help"}} {
		if got := must(t, args...).out; !strings.Contains(got, "kubectl flight") || strings.Contains(got, "kubectl-flight") {
			t.Errorf("%v: does not call itself kubectl flight: %s", args, got)
		}
	}
}
