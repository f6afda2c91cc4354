package wire

import (
	"errors"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/flight-operator/flight-operator/flightserver/fault"
	"github.com/flight-operator/flight-operator/flightserver/fault/faulttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFaultsOfSmallParts come in the call: they are copied there.
func TestFaultsOfSmallParts(t *testing.T) {
	m := faulttest.Map(t, 1<<20)
	if err := os.Truncate(m.File, 0); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]*Outgoing{
		"Header": {Header: m.Bytes[:100]},
		"Body":   {Body: [][]byte{m.Bytes[:100]}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Codec().Marshal(o); !errors.Is(err, fault.Err) {
				t.Errorf("Marshal() = %v", err)
			}
		})
	}
}
