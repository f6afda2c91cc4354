package settings

import (
	"strings"
	"testing"
)

func TestListenOnASocket(t *testing.T) {
	for address, good := range map[string]bool{
		"unix:///run/flight.sock":             true,
		"unix://run/flight.sock":              false,
		"unix://":                             false,
		"unix:///" + strings.Repeat("x", 200): false,
		"unix:/run/flight.sock":               false,
	} {
		s := Default()
		s.DataDir, s.Listen = "data", address
		if err := s.Validate(); (err == nil) != good {
			t.Errorf("%s: error = %v", address, err)
		}
	}
}
