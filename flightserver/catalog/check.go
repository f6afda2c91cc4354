package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flight-operator/flight-operator/flightserver/store"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// Problem is something that Check found wrong.
type Problem struct {
	Path   string // of the file, relative to the data directory
	Reason string // what is wrong with it
	Advice string // what to do
}

// Check verifies every checksum and every reference in the directory of a
// server that is stopped; with one that runs it fails with ErrInUse. It changes
// nothing. What a crash left unfinished is no problem: the next start removes
// it.
func Check(ctx context.Context, dir string) ([]Problem, error) {
	return check(ctx, vfs.OS{}, dir)
}

func check(ctx context.Context, fsys vfs.FS, dir string) (_ []Problem, err error) {
	checker, err := store.NewChecker(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("checking %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, checker.Close()) }()
	live, problems, err := checkLog(ctx, checker)
	if err != nil || len(problems) > 0 {
		return problems, err
	}
	for _, e := range live {
		advice := fmt.Sprintf("restore the file from a backup, or drop dataset %s and upload it again", quote(e.name))
		report := func(file string, err error) {
			problems = append(problems, Problem{Path: file, Reason: err.Error(), Advice: advice})
		}
		if err := checker.Check(ctx, e.id, report); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	return problems, nil
}

const logAdvice = "restore the directory catalog from a backup; the server does not start before"

// checkLog gives the datasets that there should be. A log that cannot be read
// is a problem; a directory that cannot be is an error.
func checkLog(ctx context.Context, checker *store.Checker) (map[string]*entry, []Problem, error) {
	log, err := readLog(ctx, checker.Commits(), &store.Schemas{})
	if err == nil && log == nil {
		var ids []string
		if ids, err = checker.DatasetIDs(ctx); len(ids) > 0 {
			err = errLogMissing(len(ids))
		}
	}
	if errors.Is(err, ErrCorrupt) {
		return nil, []Problem{{Path: store.CatalogLog, Reason: err.Error(), Advice: logAdvice}}, nil
	}
	if err != nil || log == nil {
		return nil, nil, err
	}
	return log.live, nil, nil
}

// errLogMissing keeps a server from taking every dataset for an orphan.
func errLogMissing(datasets int) error {
	return fmt.Errorf("%s: %w: it is missing, yet %d datasets are there", logFile(0), ErrCorrupt, datasets)
}
