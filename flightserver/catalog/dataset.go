package catalog

import (
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Dataset is an immutable view of one version of a dataset.
type Dataset struct {
	ID      string
	Path    []string      // as it was first written
	Format  string        // settings.FormatArrow or settings.FormatParquet
	Schema  *arrow.Schema // nil: not known yet
	Version uint64        // 0: declared, nothing uploaded yet
	Rows    int64
	Bytes   int64     // on disk, of this version
	Created time.Time // of this version
}

// Name is the dataset's path as tickets, actions and SQL spell it.
func (d Dataset) Name() string { return strings.Join(d.Path, "/") }
