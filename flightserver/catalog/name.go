package catalog

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	maxNameBytes  = 1024
	maxQuoteBytes = 64 // of a name, in an error
)

// checkName refuses names that no client could have meant. Names never reach
// the file system, so any other UTF-8 is legal.
func checkName(name string) error {
	var rule string
	switch {
	case len(name) > maxNameBytes:
		rule = fmt.Sprintf("is longer than %d bytes", maxNameBytes)
	case !utf8.ValidString(name):
		rule = "is not valid UTF-8"
	case strings.ContainsRune(name, 0):
		rule = "contains a NUL"
	default:
		rule = checkSegments(name)
	}
	if rule == "" {
		return nil
	}
	return fmt.Errorf("%w: %s %s", ErrBadName, quote(name), rule)
}

func checkSegments(name string) string {
	for segment := range strings.SplitSeq(name, "/") {
		switch segment {
		case "":
			return "has an empty segment"
		case ".", "..":
			return fmt.Sprintf("has the segment %q", segment)
		}
	}
	return ""
}

// quote shortens a name, so that a hostile one does not fill logs and errors.
func quote(name string) string {
	if len(name) <= maxQuoteBytes {
		return fmt.Sprintf("%q", name)
	}
	cut := maxQuoteBytes
	for cut > maxQuoteBytes-utf8.UTFMax && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", name[:cut])
}

// formatOf chooses the format of a dataset that no declaration speaks for.
func formatOf(name string) string {
	if strings.HasSuffix(name, ".parquet") {
		return settings.FormatParquet
	}
	return settings.FormatArrow
}
