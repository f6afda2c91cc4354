package catalog

import (
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Dataset is an immutable view of one version of a dataset.
type Dataset struct {
	ID         string
	Path       []string              // as it was first written
	Access     []settings.AccessRule // as it is now, whichever version this is; nil: none
	Format     string                // settings.FormatArrow or settings.FormatParquet
	Schema     *arrow.Schema         // nil: not known yet
	Version    uint64                // 0: declared, nothing uploaded yet
	Rows       int64
	Bytes      int64       // on disk, of this version
	Created    time.Time   // of this version
	Partitions []Partition // never empty where there is a version
}

// Partition is a part of a version that is read by itself.
type Partition = store.Partition

// What a declaration may change at any time, what bounds the space that data
// takes, and the work on it that nobody waits for, is the store's.
type (
	Policy      = store.Policy
	Retention   = store.Retention
	Compression = store.Compression
	Space       = store.Space
	Maintenance = store.Maintenance
)

// Compressions of the bodies of messages.
const (
	CompressionNone = store.CompressionNone
	CompressionLZ4  = store.CompressionLZ4
	CompressionZSTD = store.CompressionZSTD
)

// Storage is what a dataset's files come to.
type Storage struct {
	Bytes  int64 // of all versions that are kept
	Damage error // what scrubs and reads found wrong; nil: nothing
}

// Storage tells about a dataset's files.
func (c *Catalog) Storage(name string) (Storage, error) {
	e, err := c.find(name)
	if err != nil {
		return Storage{}, err
	}
	return Storage{Bytes: e.data().Stored(), Damage: e.data().Damage()}, nil
}

// Name is the dataset's path as tickets, actions and SQL spell it.
func (d Dataset) Name() string { return joinPath(d.Path) }

func joinPath(path []string) string { return strings.Join(path, "/") }

// entry is what the log says of a dataset. It never changes.
type entry struct {
	id       string
	path     []string
	name     string
	format   string
	schema   *arrow.Schema // declared; nil: none
	declared bool
	access   []settings.AccessRule // nil: none
	policy   Policy
	created  time.Time

	contents *contents
}

// data is that of an entry whose contents were loaded.
func (e *entry) data() *store.Dataset { return e.contents.loaded.Load().data }

// newest is the dataset as it is now.
func (e *entry) newest() Dataset { return e.at(e.data().Newest()) }

func (e *entry) at(v store.Version) Dataset {
	d := Dataset{
		ID: e.id, Path: slices.Clone(e.path), Access: e.access, Format: e.format, Schema: v.Schema,
		Version: v.Number, Rows: v.Rows, Bytes: v.Bytes, Created: v.Created, Partitions: v.Partitions,
	}
	if v.Number == 0 {
		d.Schema, d.Created = e.schema, e.created
	}
	return d
}
