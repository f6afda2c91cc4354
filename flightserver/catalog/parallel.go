package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// ParallelUpload describes an upload of several parts, which may be sent at
// once and become one version, a partition each.
type ParallelUpload struct {
	ID      string // the UploadID of its parts
	Path    []string
	Expires time.Time // unless there is activity before
}

// parallelLife is how long a parallel upload lives without activity.
const parallelLife = time.Hour

// parallel is a parallel upload. What is durable of it no version names: a
// start removes it.
type parallel struct {
	id     string
	active atomic.Int64 // nanoseconds since 1970
	whole  *Upload      // without a writer; used by whoever holds mu

	mu struct {
		sync.Mutex // before Catalog.mu
		parts      []*part
		ended      bool
	}
}

// part is one upload of a parallel one.
type part struct {
	parallel *parallel
	place    *int64 // its request's
	writer   *store.Writer
	done     *Dataset // nil while it goes on
}

// parallelPrefix tells an id that the catalog gave from one that a client
// chose. What follows is the dataset's id, so that the upload is found in the
// dataset's log after it is finished, and random digits.
const parallelPrefix = "parallel-"

func isParallelID(id string) bool { return strings.HasPrefix(id, parallelPrefix) }

// DatasetOfUpload gives the id of the dataset that a parallel upload is for, also
// where the upload is over.
func DatasetOfUpload(id string) string {
	dataset, _, _ := strings.Cut(strings.TrimPrefix(id, parallelPrefix), "-")
	return dataset
}

// StartParallelUpload begins an upload of parts. The request's schema and ids
// are those of the parts, not its own. A restart ends it.
func (c *Catalog) StartParallelUpload(_ context.Context, r UploadRequest) (ParallelUpload, error) {
	whole, err := c.newUpload(context.Background(), r)
	if err != nil {
		return ParallelUpload{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed {
		return ParallelUpload{}, ErrClosed
	}
	e, err := c.find(whole.name)
	switch {
	case err == nil && whole.request.Mode == ModeCreate:
		err = fmt.Errorf("%w: %s", ErrDatasetExists, quote(whole.name))
	case err == nil:
		whole.entry = e
	case errors.Is(err, ErrDatasetNotFound) && whole.request.Mode != ModeAppend:
		whole.bearLocked()
		err = nil
	}
	if err != nil {
		return ParallelUpload{}, err
	}
	p := &parallel{id: parallelPrefix + whole.data().ID() + "-" + store.RandomID(), whole: whole}
	whole.request.UploadID = p.id
	p.touch()
	c.mu.parallels[p.id] = p
	return p.describe(), nil
}

// ParallelUpload describes one that is neither finished nor aborted.
func (c *Catalog) ParallelUpload(id string) (ParallelUpload, error) {
	p, err := c.parallel(id)
	if err != nil {
		return ParallelUpload{}, err
	}
	return p.describe(), nil
}

func (p *parallel) describe() ParallelUpload {
	return ParallelUpload{ID: p.id, Path: slices.Clone(p.whole.request.Path), Expires: p.expires()}
}

func (p *parallel) expires() time.Time { return time.Unix(0, p.active.Load()).Add(parallelLife).UTC() }

func (p *parallel) touch() { p.active.Store(p.whole.catalog.options.Clock.Now().UnixNano()) }

// parallel finds a parallel upload that is neither finished nor aborted.
func (c *Catalog) parallel(id string) (*parallel, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.mu.parallels[id]; p != nil {
		return p, nil
	}
	return nil, errNoParallel(id)
}

func errNoParallel(id string) error {
	return fmt.Errorf("%w: %s is not there, it was finished, aborted or left for %s, or the server was restarted: start another",
		ErrBadUpload, quote(id), parallelLife)
}

// join makes an upload a part. One that was done before is done at once.
func (p *parallel) join(u *Upload) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.mu.ended:
		return errNoParallel(p.id)
	case u.name != p.whole.name:
		return fmt.Errorf("%w: %s is for dataset %s, not %s", ErrBadUpload, quote(p.id), quote(p.whole.name), quote(u.name))
	case len(p.mu.parts) >= store.MaxPartitions:
		return fmt.Errorf("%w: a parallel upload has at most %d parts", ErrTooLarge, store.MaxPartitions)
	}
	p.touch()
	if done := p.doneLocked(u.request.Part); done != nil {
		u.committed = done
		return nil
	}
	schema, err := p.targetLocked(u)
	if err != nil {
		return about(u.name, err)
	}
	if u.writer, err = p.whole.data().NewWriter(schema); err != nil {
		return about(u.name, err)
	}
	u.part = &part{parallel: p, place: u.request.Part, writer: u.writer}
	p.mu.parts = append(p.mu.parts, u.part)
	return nil
}

// targetLocked is the schema that a part is stored under: that of the others.
func (p *parallel) targetLocked(u *Upload) (schema *arrow.Schema, err error) {
	if len(p.mu.parts) > 0 {
		schema = p.mu.parts[0].writer.Schema()
		return schema, store.CheckAssignable(schema, u.request.Schema)
	}
	if p.whole.entry != nil {
		return u.target(p.whole.entry)
	}
	return u.request.Schema, nil
}

// doneLocked gives what a part for the place made; nil where none did yet.
func (p *parallel) doneLocked(place *int64) *Dataset {
	for _, part := range p.mu.parts {
		if place != nil && part.place != nil && *part.place == *place && part.done != nil {
			return part.done
		}
	}
	return nil
}

// commit makes a part durable. Of several for one place the first counts.
func (p *part) commit(ctx context.Context, u *Upload) (Dataset, error) {
	if err := p.writer.Flush(); err != nil {
		return Dataset{}, about(u.name, err)
	}
	l := p.parallel
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.ended {
		return Dataset{}, errNoParallel(l.id)
	}
	l.touch()
	if done := l.doneLocked(p.place); done != nil {
		l.removeLocked(p)
		return *done, about(u.name, p.writer.Abort(ctx))
	}
	size := p.writer.Written()
	p.done = &Dataset{
		ID: l.whole.data().ID(), Path: u.request.Path, Schema: p.writer.Schema(), Rows: size.Rows, Bytes: size.Bytes,
	}
	return *p.done, nil
}

// abort takes a part that is not done out of the parallel upload.
func (p *part) abort(ctx context.Context) error {
	p.parallel.mu.Lock()
	p.parallel.removeLocked(p)
	p.parallel.mu.Unlock()
	return p.writer.Abort(ctx)
}

func (p *parallel) removeLocked(gone *part) {
	p.mu.parts = slices.DeleteFunc(p.mu.parts, func(part *part) bool { return part == gone })
}

// FinishParallelUpload makes one version of the parts that are done, a
// partition each, in the order of their places. Parts that still go on come too
// late, and fail. It may be repeated, and answers with the same version.
func (c *Catalog) FinishParallelUpload(ctx context.Context, id string) (Dataset, error) {
	p, err := c.parallel(id)
	if err != nil {
		return c.finished(id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.ended {
		return c.finished(id)
	}
	p.whole.writers = p.writersLocked()
	if len(p.whole.writers) == 0 {
		return Dataset{}, fmt.Errorf("%w: %s has no part that is done", ErrBadUpload, quote(id))
	}
	d, err := p.whole.Commit(ctx)
	if err == nil {
		p.endLocked()
	}
	return d, err
}

// writersLocked are those of the parts that are done, in their order.
func (p *parallel) writersLocked() []*store.Writer {
	inOrder := slices.Clone(p.mu.parts)
	slices.SortStableFunc(inOrder, func(a, b *part) int { return cmp.Compare(a.rank(), b.rank()) })
	var writers []*store.Writer
	for _, part := range inOrder {
		if part.done != nil {
			writers = append(writers, part.writer)
		}
	}
	return writers
}

// rank puts the parts without a place behind all others.
func (p *part) rank() int64 {
	if p.place == nil {
		return math.MaxInt64
	}
	return *p.place
}

// finished finds what a parallel upload made in its dataset's log.
func (c *Catalog) finished(id string) (Dataset, error) {
	e := c.names.Load().byID.get(DatasetOfUpload(id))
	if e == nil {
		return Dataset{}, errNoParallel(id)
	}
	data, err := c.load(context.Background(), e)
	if err != nil {
		return Dataset{}, about(e.name, err)
	}
	v, ok := data.Applied(id)
	if !ok {
		return Dataset{}, errNoParallel(id)
	}
	return e.at(v), nil
}

// AbortParallelUpload leaves nothing of the parts. It may be repeated.
func (c *Catalog) AbortParallelUpload(ctx context.Context, id string) error {
	p, err := c.parallel(id)
	if err == nil {
		return p.abort(ctx)
	}
	if _, ferr := c.finished(id); ferr == nil {
		return fmt.Errorf("%w: %s is finished, restore the version before it", ErrBadUpload, quote(id))
	}
	if isParallelID(id) {
		return nil
	}
	return err
}

// abort ends the parts that are done. Those that go on end themselves.
func (p *parallel) abort(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.ended {
		return nil
	}
	p.endLocked()
	var err error
	for _, part := range p.mu.parts {
		if part.done != nil {
			err = errors.Join(err, part.writer.Abort(ctx))
		}
	}
	p.whole.end()
	return about(p.whole.name, err)
}

func (p *parallel) endLocked() {
	p.mu.ended = true
	c := p.whole.catalog
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.parallels, p.id)
}

// expireParallels aborts those that were left.
func (c *Catalog) expireParallels(ctx context.Context) {
	now := c.options.Clock.Now()
	c.mu.Lock()
	var left []*parallel
	for _, p := range c.mu.parallels {
		if !now.Before(p.expires()) {
			left = append(left, p)
		}
	}
	c.mu.Unlock()
	for _, p := range left {
		c.options.Logger.Info("parallel upload expired", "dataset", p.whole.name, "upload", p.id)
		if err := p.abort(ctx); err != nil {
			c.options.Logger.Error("aborting a parallel upload", "dataset", p.whole.name, "upload", p.id, "error", err)
		}
	}
}
