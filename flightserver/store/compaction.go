package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/time/rate"
)

const (
	// compactFrom is how many small segments in a row are worth a rewrite.
	compactFrom = 8
	// compactRatio keeps a byte from being rewritten over and over: a segment is
	// taken along only while it is not much larger than all that follow it.
	compactRatio = 4
	// raggedFrom is how many batches are worth to be joined though their segment
	// has no others beside it, raggedBytes what is a small one then.
	raggedFrom  = 64
	raggedBytes = joinBytes / 8
)

// errOvertaken ends a rewrite of segments that the newest version lacks by now.
var errOvertaken = errors.New("another version came first")

// Compact rewrites small segments of the newest version into fewer large ones,
// at most so many bytes a second. The version stays the same for those who
// read it; the old segments go with the versions that share them. It tells
// whether there was anything to rewrite.
func (d *Dataset) Compact(ctx context.Context, pace *rate.Limiter) (bool, error) {
	newest := d.newest.Load()
	if newest == nil {
		return false, nil
	}
	for i, p := range newest.partitions {
		run := smallRun(p.segments, d.store.options.MaxSegmentBytes/2)
		if run == nil || d.hasDamaged(run) {
			continue
		}
		err := d.compact(ctx, newest.number, i, run, pace)
		if errors.Is(err, errOvertaken) || errors.Is(err, ErrDropped) || errors.Is(err, ErrVersionNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	return false, nil
}

// smallRun finds segments in a row, each smaller than full, that are worth to
// be one, or else one of small batches. Where there are several, the newest are
// taken.
func smallRun(segments []Segment, full int64) []Segment {
	for end := len(segments); end >= compactFrom; end-- {
		begin, total := end, int64(0)
		for begin > 0 && joins(segments[begin-1], total, full) {
			begin--
			total += segments[begin].Bytes
		}
		if end-begin >= compactFrom {
			return segments[begin:end]
		}
	}
	for i, s := range slices.Backward(segments) {
		if s.Batches >= raggedFrom && s.Bytes/int64(s.Batches) < raggedBytes {
			return segments[i : i+1]
		}
	}
	return nil
}

func joins(s Segment, total, full int64) bool {
	return s.Bytes < full && (total == 0 || s.Bytes <= compactRatio*total)
}

// compact rewrites a run of a partition's segments. It holds the version's
// files while it reads.
func (d *Dataset) compact(ctx context.Context, number uint64, partition int, run []Segment, pace *rate.Limiter) (err error) {
	s, err := d.Acquire(number)
	if err != nil {
		return err
	}
	scan, err := s.scan(ctx, d.id, run)
	if err != nil {
		return err
	}
	defer scan.Release()
	scan.passing = true
	batches := newBatchReader(scan)
	w, err := d.newWriter(s.version.schema)
	if err != nil {
		return err
	}
	j := &joiner{to: func(b Batch) error { return w.Write(ctx, b) }}
	defer func() {
		j.release()
		err = errors.Join(err, w.Abort(context.WithoutCancel(ctx)))
	}()
	for batches.records.Next() {
		b := batches.batch()
		if err := paced(ctx, pace, b.Record); err != nil {
			return err
		}
		if err := j.add(b); err != nil {
			return err
		}
	}
	if err := errors.Join(batches.records.Err(), j.flush()); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	err = d.exchange(ctx, partition, run, w.segments)
	switch {
	case errors.Is(err, ErrOutcomeUnknown):
		w.state = uncertain
	case err == nil:
		d.store.metrics.compacted.Add(float64(w.bytes))
		return w.committed(ctx)
	}
	return err
}

// paced waits until a record may be read and written again.
func paced(ctx context.Context, pace *rate.Limiter, rec arrow.RecordBatch) error {
	return pace.WaitN(ctx, int(min(sizeOf(rec), int64(pace.Burst()))))
}

// exchange puts other segments with the same rows into the place of a run. What
// was committed since may have added to the partition, but not replaced it.
func (d *Dataset) exchange(ctx context.Context, place int, run, with []Segment) error {
	return d.append(ctx, func(base *version) (proposal, error) {
		if place >= len(base.partitions) {
			return proposal{}, errOvertaken
		}
		now := base.partitions[place].segments
		at := slices.Index(now, run[0])
		if at < 0 || len(now) < at+len(run) || !slices.Equal(now[at:at+len(run)], run) {
			return proposal{}, errOvertaken
		}
		m := manifest{
			Number: base.entry + 1, Version: base.number, Parent: base.number, Nonce: RandomID(), Created: base.created,
			Replace: true,
		}
		for i, p := range base.partitions {
			segments := p.segments
			if i == place {
				segments = slices.Concat(now[:at], with, now[at+len(run):])
			}
			m.Partitions = append(m.Partitions, partition{Added: segments})
		}
		m.count()
		if m.Rows != base.rows {
			return proposal{}, fmt.Errorf("%w: %d rows of version %d became %d", ErrCorrupt, base.rows, base.number, m.Rows)
		}
		body, err := encodeWhole(m, base, base.schema)
		return proposal{m.Number, body}, err
	})
}
