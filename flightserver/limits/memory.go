package limits

import (
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryLess is taken for the machine's memory where that cannot be known.
const memoryLess = 4 << 30

// Memory tells how much memory the process may use: Go's limit, which GOMEMLIMIT
// or the control group has set, else the machine's.
func Memory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	total, err := memlimit.FromSystem()
	if err != nil || total == 0 {
		return memoryLess
	}
	return int64(total)
}
