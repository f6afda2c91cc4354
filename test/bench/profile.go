package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// profileSeconds is how long a cell is repeated for its profile.
const profileSeconds = 5

// profile repeats a cell on our server alone and keeps what its processors did.
func (f *fleet) profile(ctx context.Context, dir string, c Cell, key tableKey, table *tables.Table) error {
	if err := makeFolders(dir); err != nil {
		return err
	}
	s := f.of(us, c)
	name := strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(c.String()) + ".pprof"
	group, ctx := errgroup.WithContext(ctx)
	done := make(chan struct{})
	group.Go(func() error {
		defer close(done)
		return download(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.ops, profileSeconds), filepath.Join(dir, name))
	})
	group.Go(func() error {
		for {
			select {
			case <-done:
				return nil
			default:
			}
			if _, err := f.measure(ctx, s, c, key, table); err != nil {
				return err
			}
		}
	})
	return group.Wait()
}

func download(ctx context.Context, url, file string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	target, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	_, err = io.Copy(target, response.Body)
	return err
}
