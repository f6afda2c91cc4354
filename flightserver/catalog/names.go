package catalog

import "hash/maphash"

// names is an immutable table of all datasets, by name and by id. Readers load
// it without a lock; the one writer makes the next.
type names struct{ byName, byID table }

func (n *names) with(e *entry) *names {
	return &names{byName: n.byName.with(e.name, e), byID: n.byID.with(e.id, e)}
}

func (n *names) without(e *entry) *names {
	return &names{byName: n.byName.with(e.name, nil), byID: n.byID.with(e.id, nil)}
}

// shards keeps a change cheap: it copies the shard that a key is in, not all.
const shards = 256

var seed = maphash.MakeSeed()

type table [shards]map[string]*entry //nolint:recvcheck // with copies the table that it changes

func shardOf(key string) uint64 { return maphash.String(seed, key) % shards }

func (t *table) get(key string) *entry { return t[shardOf(key)][key] }

// with gives a table in which key has the entry; nil removes it.
func (t table) with(key string, e *entry) table {
	old := t[shardOf(key)]
	changed := make(map[string]*entry, len(old)+1)
	for k, v := range old {
		if k != key {
			changed[k] = v
		}
	}
	if e != nil {
		changed[key] = e
	}
	t[shardOf(key)] = changed
	return t
}

func (t *table) len() (n int) {
	for _, shard := range t {
		n += len(shard)
	}
	return n
}

// all calls yield with every entry, in no order.
func (t *table) all(yield func(string, *entry) bool) {
	for _, shard := range t {
		for k, v := range shard {
			if !yield(k, v) {
				return
			}
		}
	}
}

// put changes a table that nobody reads yet.
func (t *table) put(key string, e *entry) {
	shard := &t[shardOf(key)]
	if *shard == nil {
		*shard = map[string]*entry{}
	}
	(*shard)[key] = e
}
