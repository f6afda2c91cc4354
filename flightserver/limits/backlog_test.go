package limits

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhoFillsTheBacklogIsEnded(t *testing.T) {
	const patience = 10 * time.Second
	cases := map[string]struct {
		reason string
		run    func(slow, quick *Holder)
		ended  string
	}{
		"Fits": {"there is room for both", func(slow, quick *Holder) {
			slow.Add(512 << 10)
			quick.Add(512 << 10)
		}, ""},
		"Slow": {"it has had its time", func(slow, quick *Holder) {
			slow.Add(512 << 10)
			time.Sleep(patience)
			quick.Add(1 << 20)
		}, "slow"},
		"Moving": {"who holds has moved a moment ago, so who asks goes", func(slow, quick *Holder) {
			slow.Add(513 << 10)
			time.Sleep(patience)
			slow.Done(1 << 10)
			quick.Add(1 << 20)
		}, "quick"},
		"Little": {"to end who holds next to nothing would not help", func(slow, quick *Holder) {
			slow.Add(leastHeld - 1)
			time.Sleep(patience)
			quick.Add(1 << 20)
		}, "quick"},
		"Alone": {"what has come is better dealt with than ended", func(slow, _ *Holder) {
			slow.Add(1 << 20)
			time.Sleep(patience)
			slow.Add(1 << 20)
		}, ""},
		"GivenBack": {"nothing is held that was given back", func(slow, quick *Holder) {
			slow.Add(1 << 20)
			time.Sleep(patience)
			slow.Done(2 << 20)
			quick.Add(1 << 20)
		}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ended string
				b := NewBacklog(1<<20, patience, testMetrics())
				holder := func(name string) *Holder {
					return b.Holder(func(err error) {
						ended += name
						if !errors.Is(err, ErrNoMemory) {
							t.Errorf("%s ended with %v", name, err)
						}
					})
				}
				tc.run(holder("slow"), holder("quick"))
				if ended != tc.ended {
					t.Errorf("ended: %q, want %q: %s", ended, tc.ended, tc.reason)
				}
			})
		})
	}
}
