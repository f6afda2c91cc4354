package rotation

import (
	"os"
	"testing"

	"github.com/flight-operator/flight-operator/test/env"
)

// api is the API server of this package's tests.
var api *env.Environment

func TestMain(m *testing.M) { os.Exit(env.Run(m, &api)) }
