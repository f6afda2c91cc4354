package limits

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestACallThatStallsEnds(t *testing.T) {
	cases := map[string]struct {
		reason string
		after  time.Duration
		run    func(context.Context, *Progress)
		ends   bool
	}{
		"Stalled": {"nothing moved for the time", time.Minute, func(ctx context.Context, p *Progress) {
			_ = p.Wait(func() error { return sleep(ctx, time.Hour) })
		}, true},
		"Slow": {"each operation is a move", time.Minute, func(ctx context.Context, p *Progress) {
			for range 10 {
				_ = p.Wait(func() error { return sleep(ctx, 59*time.Second) })
			}
		}, false},
		"Busy": {"the server's own time is not the client's", time.Minute, func(ctx context.Context, _ *Progress) {
			_ = sleep(ctx, time.Hour)
		}, false},
		"OneOfTwo": {"a call that sends may wait to receive", time.Minute, func(ctx context.Context, p *Progress) {
			received := make(chan struct{})
			go func() {
				defer close(received)
				_ = p.Wait(func() error { return sleep(ctx, 5*time.Minute) })
			}()
			for range 10 {
				_ = p.Wait(func() error { return sleep(ctx, 30*time.Second) })
			}
			<-received
		}, false},
		"Never": {"zero switches it off", 0, func(ctx context.Context, p *Progress) {
			_ = p.Wait(func() error { return sleep(ctx, time.Hour) })
		}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, p := NewWatch(tc.after, testBacklog(), testMetrics()).Begin(t.Context(), nil)
				tc.run(ctx, p)
				if ended := errors.Is(context.Cause(ctx), ErrStalled); ended != tc.ends {
					t.Errorf("ended = %v: %s", ended, tc.reason)
				}
				p.Stop()
			})
		})
	}
}

func TestAConnectionGoesWhenAllOnItStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		metrics := testMetrics()
		l := NewListener(nil, 1, metrics)
		c := l.counted(ours)
		w := NewWatch(time.Minute, testBacklog(), metrics)
		on := ConnectionOf(c.RemoteAddr())
		stalled, p := w.Begin(t.Context(), on)
		_, other := w.Begin(t.Context(), on)
		start := time.Now()
		go func() { _ = p.Wait(func() error { return sleep(stalled, time.Hour) }) }()
		for range 10 {
			_ = other.Wait(func() error { return sleep(t.Context(), 30*time.Second) })
		}
		if stalled.Err() == nil {
			t.Error("the call was not ended")
		}
		if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("Read() = %v", err)
		}
		if open := time.Since(start); open != 6*time.Minute {
			t.Errorf("the connection was closed after %s, a minute after its last move", open)
		}
		p.Stop()
		other.Stop()
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
