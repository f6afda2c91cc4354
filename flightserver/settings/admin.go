package settings

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Actions of the admin port, beside those of the data port. Bodies and results
// are JSON; an unknown key is refused by name.
const (
	// ActionDeclareDataset takes a DatasetDeclaration and answers with a
	// DatasetStatus. It creates the dataset or adopts the one that is there;
	// repeating it changes nothing.
	ActionDeclareDataset = "declare_dataset"
	// ActionDatasetStatus takes a DatasetRef and answers with a DatasetStatus.
	ActionDatasetStatus = "dataset_status"
	// ActionDropDataset takes a DatasetRef; the result has no body.
	ActionDropDataset = "drop_dataset"
	// ActionHealth takes nothing and answers with a MemberStatus.
	ActionHealth = "health"
)

// Formats of a dataset's files.
const (
	FormatArrow   = "Arrow"
	FormatParquet = "Parquet"
)

// Compressions of the bodies of an Arrow dataset's messages, on disk and on
// their way to readers.
const (
	CompressionNone = "None"
	CompressionLZ4  = "LZ4"
	CompressionZSTD = "ZSTD"
)

// DatasetRef names a dataset: the segments of its path joined by "/".
type DatasetRef struct {
	Dataset string `json:"dataset"`
	// ID, when given, must be the dataset's: a name that was dropped and made
	// anew is then not taken for the old one.
	ID string `json:"id,omitempty"`
}

// DatasetDeclaration is what a FlightDataset asks of a server.
type DatasetDeclaration struct {
	Path   []string       `json:"path"`
	Format string         `json:"format,omitempty"` // Arrow or Parquet; empty: by the end of the path, .parquet or .arrow, else Arrow
	Schema *DatasetSchema `json:"schema,omitempty"` // nil: taken from the first upload
	// Compression is that of what is written from then on; empty: None. A Parquet
	// dataset has none of these.
	Compression string `json:"compression,omitempty"`
	// Retention bounds the versions that are kept; nil is the server's
	// keepSuperseded.
	Retention *DatasetRetention `json:"retention,omitempty"`
	// Access says who may do what with the dataset; nil: the roles decide. Where
	// it is there, it alone decides, and an empty list lets nobody in, but for
	// the role Admin.
	Access []AccessRule `json:"access,omitzero"`
}

// DatasetRetention bounds the versions of a dataset that are kept. A bound that
// is absent bounds nothing. The newest version stays in any case, and so does
// one that was newest within TicketLife.
type DatasetRetention struct {
	Versions int             `json:"versions,omitempty"` // that are kept, the newest included
	Age      metav1.Duration `json:"age,omitzero"`       // since a newer version came
	Bytes    int64           `json:"bytes,omitempty"`    // of all versions
}

// DatasetSchema lists a dataset's columns in order.
type DatasetSchema struct {
	Fields []DatasetField `json:"fields"`
}

// DatasetField is one column; Type is text such as "int64", "utf8",
// "timestamp[us, UTC]", "decimal128(10, 2)" or "list<float64>".
type DatasetField struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
}

// DatasetStatus is what a server knows about one dataset.
type DatasetStatus struct {
	ID      string   `json:"id"`
	Path    []string `json:"path"`
	Format  string   `json:"format"`
	Version uint64   `json:"version"` // 0: declared, nothing uploaded yet
	Rows    int64    `json:"rows"`
	Bytes   int64    `json:"bytes"` // on disk, of this version
	// StoredBytes are those of all versions that are kept.
	StoredBytes int64 `json:"storedBytes"`
	// Damage is what scrubs and reads found wrong; empty: nothing.
	Damage string `json:"damage,omitempty"`
}

// MemberStatus is what a server knows about itself.
type MemberStatus struct {
	Version       string `json:"version"`
	UsedBytes     int64  `json:"usedBytes"`     // of the volume's file system
	CapacityBytes int64  `json:"capacityBytes"` // of the volume's file system
	Datasets      int    `json:"datasets"`
	AuthRevision  string `json:"authRevision"` // Revision of the credentials file that is loaded
	// LeafRevision is the Revision of the certificate file that is loaded for the
	// port of clients; empty: it is plaintext.
	LeafRevision string `json:"leafRevision"`
	// AdminLeafRevision is the same for the admin port.
	AdminLeafRevision string `json:"adminLeafRevision"`
	// TrustRevision is the Revision of the file of roots that is loaded, by which
	// the admin port knows the operator.
	TrustRevision string `json:"trustRevision"`
	// ClientCARevision is the Revision of the file of roots that is loaded, by which
	// the data port knows its clients; empty: it asks for no certificates.
	ClientCARevision string `json:"clientCARevision"`
	// SigningRevision is the Revision of the file of signing keys that is loaded.
	SigningRevision string `json:"signingRevision"`
}
