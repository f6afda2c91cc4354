package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

const (
	// tinyRows are in each of very many datasets and versions.
	tinyRows = 16
	// versioned is the dataset with many versions.
	versioned = "versioned"
	// fillers work at once: they wait for the disk more than they compute.
	fillers = 8
)

// fillDatasets makes the datasets of a folder n.
func fillDatasets(ctx context.Context, dir string, n int) error {
	return fill(dir, func(c *catalog.Catalog, record arrow.RecordBatch) error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(fillers)
		for i := len(c.List("")); i < n; i++ {
			group.Go(func() error { return upload(ctx, c, fmt.Sprintf("dataset/%06d", i), record) })
		}
		return group.Wait()
	})
}

// fillVersions makes the versions of a dataset n.
func fillVersions(ctx context.Context, dir string, n int) error {
	return fill(dir, func(c *catalog.Catalog, record arrow.RecordBatch) error {
		d, err := c.Dataset(versioned)
		if err != nil && !errors.Is(err, catalog.ErrDatasetNotFound) {
			return err
		}
		for version := int(d.Version); version < n; version++ {
			if err := upload(ctx, c, versioned, record); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill works on a folder through the server's own catalog, for which a disk
// that syncs at once makes minutes of hours.
func fill(dir string, with func(*catalog.Catalog, arrow.RecordBatch) error) (err error) {
	c, err := catalog.Open(context.Background(), catalog.Options{Dir: dir, FS: unsyncedFS{vfs.OS{}}, KeepSuperseded: 24 * time.Hour})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	record := tables.Record(tables.Numeric, tinyRows)
	defer record.Release()
	return with(c, record)
}

func upload(ctx context.Context, c *catalog.Catalog, name string, record arrow.RecordBatch) error {
	request := catalog.UploadRequest{Path: []string{name}, Schema: record.Schema()}
	if _, err := c.Dataset(name); err == nil {
		request.Mode = catalog.ModeAppend
	}
	u, err := c.NewUpload(ctx, request)
	if err != nil {
		return err
	}
	if err := u.Write(record); err != nil {
		return errors.Join(err, u.Abort())
	}
	_, err = u.Commit(ctx)
	return err
}

// unsyncedFS leaves it to the kernel when files reach the disk.
type unsyncedFS struct{ vfs.FS }

func (f unsyncedFS) Create(name string) (vfs.File, error) {
	file, err := f.FS.Create(name)
	return unsyncedFile{file}, err
}

func (unsyncedFS) SyncDir(string) error { return nil }

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error { return nil }
