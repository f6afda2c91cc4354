package limits

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testMetrics() *Metrics { return NewMetrics(prometheus.NewRegistry()) }

func testBacklog() *Backlog { return NewBacklog(1<<20, 10*time.Second, testMetrics()) }
