// Mkimage writes a container image without a container engine: a docker-archive
// (what `docker save` writes) with one layer of the files named. Equal input
// gives equal bytes.
//
//	mkimage -o OUT.tar -t REPO:TAG [-entrypoint /app] [-user 65532:65532] [-dir /tmp:1777]… FILE=/path… '->TARGET=/link'…
//
// `ctr images import`, `kind load image-archive` and `docker load` read it.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var (
		flags = flag.NewFlagSet("mkimage", flag.ExitOnError)
		img   image
		dirs  texts
		out   = flags.String("o", "", "the archive to write")
		entry = flags.String("entrypoint", "", "the program that the image runs")
	)
	flags.StringVar(&img.tag, "t", "", "the image's name, REPO:TAG")
	flags.StringVar(&img.user, "user", "", "the user, UID or UID:GID, that the program runs as")
	flags.StringVar(&img.arch, "arch", runtime.GOARCH, "the architecture of the files")
	flags.Var(&dirs, "dir", "a directory to make, /path or /path:octal mode; may be repeated")
	_ = flags.Parse(args) // ExitOnError: it does not return an error

	if *out == "" || img.tag == "" {
		return fmt.Errorf("say where to write (-o) and how the image is called (-t)")
	}
	if *entry != "" {
		img.entrypoint = []string{*entry}
	}
	var err error
	if img.layer, err = layerOf(dirs, flags.Args()); err != nil {
		return err
	}
	return writeFile(*out, img)
}

// texts is a flag that may be given several times.
type texts []string

func (t *texts) String() string     { return strings.Join(*t, " ") }
func (t *texts) Set(s string) error { *t = append(*t, s); return nil }

// writeFile writes the archive under its name only when it is whole.
func writeFile(name string, img image) (err error) {
	f, err := os.Create(name + ".partial")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := img.write(f); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
