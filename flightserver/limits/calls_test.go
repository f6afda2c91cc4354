package limits

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsAreBoundedInAllAndEach(t *testing.T) {
	c := NewCalls(CallLimits{Calls: 3, PerIdentity: 2}, testMetrics())
	begin := func(identity string, want error) func() {
		t.Helper()
		end, err := c.Begin(identity)
		if !errors.Is(err, want) {
			t.Fatalf("Begin(%s) = %v, want %v", identity, err, want)
		}
		return end
	}
	first := begin("a", nil)
	begin("a", nil)
	begin("a", ErrTooManyCalls) // its own limit
	begin("b", nil)
	begin("c", ErrTooManyCalls) // everybody's
	first()
	begin("c", nil)
}

func TestCallsComeBackToTheirRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCalls(CallLimits{Calls: 10, PerIdentity: 10, PerSecond: 2}, testMetrics())
		ask := func(identity string) error {
			end, err := c.Begin(identity)
			if err == nil {
				end()
			}
			return err
		}
		for i, want := range []error{nil, nil, ErrTooOften} {
			if err := ask("a"); !errors.Is(err, want) {
				t.Errorf("call %d: %v, want %v", i, err, want)
			}
		}
		if err := ask("b"); err != nil {
			t.Errorf("another identity: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
		if err := ask("a"); err != nil {
			t.Errorf("half a second later: %v", err)
		}
	})
}

func TestCallersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCalls(CallLimits{Calls: 10, PerIdentity: 10, PerSecond: 1}, testMetrics())
		stays, err := c.Begin("stays")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 * leastSweep {
			end, err := c.Begin(strconv.Itoa(i))
			if err != nil {
				t.Fatal(err)
			}
			end()
			time.Sleep(10 * time.Millisecond)
		}
		if len(c.callers) > leastSweep || c.callers["stays"].calls != 1 {
			t.Errorf("%d callers are kept", len(c.callers))
		}
		stays()
	})
}
