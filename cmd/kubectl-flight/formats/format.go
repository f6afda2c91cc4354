package formats

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Format is a kind of file.
type Format string

// Formats of files. Table is written for people and cannot be read.
const (
	Parquet     Format = "parquet"
	Arrow       Format = "arrow"  // an Arrow IPC file; a stream is read as well
	ArrowStream Format = "arrows" // an Arrow IPC stream; a file is read as well
	CSV         Format = "csv"
	TSV         Format = "tsv"
	JSONLines   Format = "jsonl"
	Table       Format = "table"
)

// Readable lists the formats that Open takes.
func Readable() []Format {
	return []Format{Parquet, Arrow, ArrowStream, CSV, TSV, JSONLines}
}

// Writable lists the formats that NewWriter takes.
func Writable() []Format { return append(Readable(), Table) }

// Join lists formats for a sentence or a flag's help.
func Join(formats []Format, separator string) string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	return strings.Join(names, separator)
}

// endings maps what stands after the last dot of a file's name.
var endings = map[string]Format{
	"parquet": Parquet, "pq": Parquet,
	"arrow": Arrow, "feather": Arrow, "ipc": Arrow,
	"arrows": ArrowStream,
	"csv":    CSV,
	"tsv":    TSV,
	"jsonl":  JSONLines, "ndjson": JSONLines,
}

// Find gives the format that is named, or else the one that the file's ending
// tells. Only formats among the allowed ones are found.
func Find(name, path string, allowed []Format) (Format, error) {
	if name != "" {
		if f := Format(name); slices.Contains(allowed, f) {
			return f, nil
		}
		return "", fmt.Errorf("--format %q is not known; choose one of %s", name, Join(allowed, ", "))
	}
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	if f, ok := endings[ending]; ok {
		return f, nil
	}
	return "", fmt.Errorf("the name of %s does not tell its format; give --format %s", path, Join(allowed, "|"))
}
