package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
)

// layer builds the tar of an image's files. Times, owners and the builder's
// umask stay out of it.
type layer struct {
	tar  *tar.Writer
	dirs map[string]bool // made so far
}

// layerOf gives the tar with the directories and the files of arguments such as
// bin/app=/app or ->/bin/busybox=/bin/sh, in their order.
func layerOf(dirs, files []string) ([]byte, error) {
	var buf bytes.Buffer
	l := &layer{tar: tar.NewWriter(&buf), dirs: map[string]bool{}}
	for _, d := range dirs {
		if err := l.addDir(d); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		if err := l.add(f); err != nil {
			return nil, err
		}
	}
	if err := l.tar.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// addDir takes /path or /path:mode.
func (l *layer) addDir(arg string) error {
	name, text, found := strings.Cut(arg, ":")
	mode := int64(0o755)
	if found {
		var err error
		if mode, err = strconv.ParseInt(text, 8, 32); err != nil {
			return fmt.Errorf("%s: the mode is octal, such as 1777", arg)
		}
	}
	return l.mkdir(name, mode)
}

func (l *layer) add(arg string) error {
	source, name, found := strings.Cut(arg, "=")
	if !found || !path.IsAbs(name) {
		return fmt.Errorf("%s: say FILE=/path or '->TARGET=/link'", arg)
	}
	if err := l.mkdir(path.Dir(name), 0o755); err != nil {
		return err
	}
	name = strings.TrimPrefix(path.Clean(name), "/")
	if target, isLink := strings.CutPrefix(source, "->"); isLink {
		return l.tar.WriteHeader(&tar.Header{Name: name, Linkname: target, Mode: 0o777, Typeflag: tar.TypeSymlink})
	}
	return l.addFile(source, name)
}

func (l *layer) addFile(source, name string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	if err := l.tar.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = l.tar.Write(content)
	return err
}

// mkdir adds a directory once, after those above it.
func (l *layer) mkdir(name string, mode int64) error {
	name = strings.Trim(path.Clean(name), "/")
	if name == "" || name == "." || l.dirs[name] {
		return nil
	}
	if err := l.mkdir(path.Dir(name), 0o755); err != nil {
		return err
	}
	l.dirs[name] = true
	return l.tar.WriteHeader(&tar.Header{Name: name + "/", Mode: mode, Typeflag: tar.TypeDir})
}
