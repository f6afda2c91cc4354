package limits

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testMetrics() *Metrics { return NewMetrics(prometheus.NewRegistry()) }
