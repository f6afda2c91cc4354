package catalog

import (
	"context"
	"fmt"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// append commits an entry and applies it.
func (c *Catalog) append(ctx context.Context, l logEntry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.appendLocked(ctx, l)
}

// appendLocked is append for whoever holds the lock.
func (c *Catalog) appendLocked(ctx context.Context, l logEntry) error {
	if c.mu.closed {
		return ErrClosed
	}
	l.Nonce, l.Created = store.RandomID(), c.options.Clock.Now().UTC()
	propose := func() (uint64, []byte, error) {
		if err := c.outdatedLocked(&l); err != nil {
			return 0, nil, err
		}
		l.Number = c.mu.next
		if err := l.check(l.Number); err != nil {
			return 0, nil, err // it would keep every later start from reading the log
		}
		body, err := store.EncodeEntry(entryKind, l)
		return l.Number, body, err
	}
	learn := func(n uint64, body []byte) error {
		winner, err := decodeLogEntry(n, body)
		if err != nil {
			return fmt.Errorf("%s: %w", logFile(n), err)
		}
		c.mu.next = n + 1
		return c.applyLocked(winner)
	}
	return store.Append(ctx, c.store.Commits(), store.CatalogLog, propose, learn)
}

// outdatedLocked refuses an entry that another writer's has overtaken.
func (c *Catalog) outdatedLocked(l *logEntry) error {
	now := c.names.Load()
	switch {
	case l.Create != nil && now.byName.get(joinPath(l.Create.Path)) != nil:
		return ErrDatasetExists
	case l.Rename != nil && now.byName.get(joinPath(l.Rename.Path)) != nil:
		return ErrDatasetExists
	case l.Create == nil && l.subject() != "" && now.byID.get(l.subject()) == nil:
		return ErrDatasetNotFound
	}
	return nil
}

// applyLocked makes an entry of the log visible.
func (c *Catalog) applyLocked(l *logEntry) error {
	if l.subject() == "" {
		return nil
	}
	c.mu.tail++
	if c.mu.tail%checkpointAfter == 0 {
		c.wakeTidy()
	}
	now := c.names.Load()
	before := now.byID.get(l.subject())
	after, err := l.next(before, &c.schemas)
	if err != nil {
		return err
	}
	if before != nil {
		now = now.without(before)
	}
	if after != nil {
		c.attachLocked(after)
		now = now.with(after)
	}
	c.names.Store(now)
	if before != nil && after == nil {
		c.drop(before)
	}
	return nil
}

// attachLocked gives a new entry the data of the upload that made it, if one
// did.
func (c *Catalog) attachLocked(e *entry) {
	if b := c.mu.births[e.name]; b != nil && b.data.ID() == e.id && e.contents.loaded.Load() == nil {
		e.contents = holding(b.data)
	}
	e.contents.setPolicy(e.policy)
}
