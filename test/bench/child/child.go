// Package child runs the servers under measurement, each a process of its
// own, and reads from the kernel what they cost.
package child

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startTimeout is more than any server needs, with any number of datasets.
const startTimeout = 5 * time.Minute

// Process is a server that is ready.
type Process struct {
	Address string // HOST:PORT
	// StartUp is the time from the start of the process to its word that it is
	// ready.
	StartUp time.Duration

	cmd  *exec.Cmd
	said tail
}

// Start runs a server until it writes a line that ends with its address, as in
// "flightserver ready grpc://127.0.0.1:8815".
func Start(ctx context.Context, command ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.cmd.Stderr = &p.said
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(startTimeout, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	out := bufio.NewReader(stdout)
	line, err := out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s is not ready: %w", strings.Join(command, " "), p.stopped(err))
	}
	p.StartUp = time.Since(started)
	p.Address = address(line)
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
	return p, nil
}

func address(line string) string {
	last := line[strings.LastIndexByte(line, ' ')+1:]
	if _, after, ok := strings.Cut(last, "://"); ok {
		last = after
	}
	return strings.TrimSpace(last)
}

// Stop ends the server. What it wrote to standard error belongs to the error.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return p.stopped(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	err := p.cmd.Wait()
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if err == nil || (ok && status.Signaled() && status.Signal() == syscall.SIGTERM) {
		return nil // a server without a handler of its own ends by the signal
	}
	return fmt.Errorf("%w\n%s", err, p.said.String())
}

// stopped ends what is not worth going on with.
func (p *Process) stopped(err error) error {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	return fmt.Errorf("%w\n%s", err, p.said.String())
}

// CPU is the time that all threads of the process, those that ended included,
// have run, in user mode and in the kernel.
func (p *Process) CPU() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(cpuClock(p.cmd.Process.Pid), &t); err != nil {
		return 0, fmt.Errorf("reading the processor time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// cpuClock is what clock_getcpuclockid(3) gives: nanoseconds, where
// /proc/PID/stat counts hundredths of a second.
func cpuClock(pid int) int32 {
	const scheduled = 2 // CPUCLOCK_SCHED
	return int32(^pid<<3 | scheduled)
}

// tail keeps the end of what a server says.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const keep = 4 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if over := len(t.last) - keep; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
