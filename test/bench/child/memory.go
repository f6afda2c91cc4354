package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memoryEvery is how often WatchMemory looks. The kernel keeps a high-water mark
// only of a process's own memory and the pages of mapped files together.
const memoryEvery = 10 * time.Millisecond

// WatchMemory looks at the process's memory until peak is called, once, which
// gives the most that was seen.
func (p *Process) WatchMemory() (peak func() (int64, error)) {
	done, ended := make(chan struct{}), make(chan struct{})
	var (
		most int64
		err  error
	)
	look := func() {
		var now int64
		if now, err = p.Memory(); err == nil {
			most = max(most, now)
		}
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(memoryEvery)
		defer tick.Stop()
		for look(); err == nil; look() {
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() (int64, error) {
		close(done)
		<-ended
		return most, err
	}
}

// Memory is what the process has for itself now, in bytes: without pages of
// mapped files, which the kernel takes back at will.
func (p *Process) Memory() (int64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	return statusBytes(content, "RssAnon:")
}

// statusBytes reads a line such as "RssAnon:     5312 kB".
func statusBytes(content []byte, key string) (int64, error) {
	for line := range bytes.Lines(content) {
		fields := strings.Fields(string(line))
		if len(fields) == 3 && fields[0] == key && fields[2] == "kB" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in the status of the process", key)
}
