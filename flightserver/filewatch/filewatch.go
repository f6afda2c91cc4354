// Package filewatch tells when files may have changed, whichever way they are
// replaced: written in place, renamed over, or swapped by a symbolic link to
// their directory, as the kubelet does with mounted Secrets.
package filewatch

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// pollInterval bounds how late a change is noticed where the kernel tells
	// nothing: network file systems, a link's target outside the directory, no
	// inotify instance left.
	pollInterval = 10 * time.Second
	// settle waits for the rest of a change: a certificate and its key are two
	// files.
	settle = 50 * time.Millisecond
)

// Run calls changed whenever one of the files may have other content, one call
// at a time, until ctx is done. It also calls it now and then when nothing has
// changed, so changed compares before it acts.
func Run(ctx context.Context, logger *slog.Logger, files []string, changed func()) {
	events, lost, stop := watchDirectories(logger, files)
	defer stop()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		case err := <-lost:
			logger.Warn("events of watched files are lost, any file may have changed", "error", err)
		case <-events:
			if !drain(ctx, events) {
				return
			}
		}
		changed()
	}
}

// watchDirectories watches directories, since a watch on a file is lost with
// the file. Without a watcher the channels stay silent and polling is all.
func watchDirectories(logger *slog.Logger, files []string) (events <-chan fsnotify.Event, lost <-chan error, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		logger.Warn("files are polled, since the kernel gives no watch", "files", files, "error", err)
		return nil, nil, func() {}
	}
	for _, f := range files {
		if err := w.Add(filepath.Dir(f)); err != nil {
			logger.Warn("file is polled, since its directory cannot be watched", "file", f, "error", err)
		}
	}
	return w.Events, w.Errors, func() { _ = w.Close() }
}

// drain swallows the events that follow closely; false when ctx is done.
func drain(ctx context.Context, events <-chan fsnotify.Event) bool {
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-events:
		case <-quiet.C:
			return true
		}
	}
}
