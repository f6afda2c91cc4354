package session

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightpb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"
	testclock "k8s.io/utils/clock/testing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore() (*Store, *testclock.FakePassiveClock) {
	now := testclock.NewFakePassiveClock(time.Unix(1e9, 0))
	anything := func(*flight.SessionOptionValue) bool { return true }
	return NewStore(map[string]Check{"text": Text, "any": anything, "more": anything}, now), now
}

func values(t *testing.T, from map[string]any) map[string]*flight.SessionOptionValue {
	t.Helper()
	out, err := flight.NewSessionOptionValues(from)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSet(t *testing.T) {
	long := strings.Repeat("x", maxBytes/2)
	cases := map[string]struct {
		reason string
		sets   []map[string]any
		want   map[string]any
		failed map[string]flightpb.SetSessionOptionsResult_ErrorValue // by the last set
	}{
		"String":      {reason: "a known option", sets: []map[string]any{{"text": "a"}}, want: map[string]any{"text": "a"}},
		"Bool":        {reason: "each type comes back", sets: []map[string]any{{"any": true}}, want: map[string]any{"any": true}},
		"Int":         {reason: "each type comes back", sets: []map[string]any{{"any": int64(-7)}}, want: map[string]any{"any": int64(-7)}},
		"Float":       {reason: "each type comes back", sets: []map[string]any{{"any": 1.5}}, want: map[string]any{"any": 1.5}},
		"List":        {reason: "each type comes back", sets: []map[string]any{{"any": []string{"a", "", "b"}}}, want: map[string]any{"any": []string{"a", "", "b"}}},
		"Changed":     {reason: "the last value holds", sets: []map[string]any{{"text": "a"}, {"text": "b"}}, want: map[string]any{"text": "b"}},
		"Others":      {reason: "what is not named stays", sets: []map[string]any{{"text": "a"}, {"any": "b"}}, want: map[string]any{"text": "a", "any": "b"}},
		"Erased":      {reason: "an empty value erases", sets: []map[string]any{{"text": "a"}, {"text": nil}}, want: map[string]any{}},
		"ErasedTwice": {reason: "nothing to erase is no error", sets: []map[string]any{{"text": nil}}, want: map[string]any{}},
		"UnknownName": {
			reason: "the good ones are set all the same", sets: []map[string]any{{"text": "a", "colour": "red"}}, want: map[string]any{"text": "a"},
			failed: map[string]flightpb.SetSessionOptionsResult_ErrorValue{"colour": flight.SetSessionOptionsResultErrorInvalidName},
		},
		"UnknownErased": {
			reason: "a name that there is not cannot be erased", sets: []map[string]any{{"colour": nil}}, want: map[string]any{},
			failed: map[string]flightpb.SetSessionOptionsResult_ErrorValue{"colour": flight.SetSessionOptionsResultErrorInvalidName},
		},
		"WrongType": {
			reason: "the old value stays", sets: []map[string]any{{"text": "a"}, {"text": int64(1)}}, want: map[string]any{"text": "a"},
			failed: map[string]flightpb.SetSessionOptionsResult_ErrorValue{"text": flight.SetSessionOptionsResultErrorInvalidValue},
		},
		"TooLarge": {
			reason: "a session is bounded", sets: []map[string]any{{"any": long}, {"more": long}}, want: map[string]any{"any": long},
			failed: map[string]flightpb.SetSessionOptionsResult_ErrorValue{"more": flight.SetSessionOptionsResultErrorError},
		},
		"LargeReplaced": {reason: "what is replaced does not count", sets: []map[string]any{{"any": long}, {"any": long}}, want: map[string]any{"any": long}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			store, _ := newStore()
			var failed map[string]*flight.SetSessionOptionsResultError
			for _, each := range tc.sets {
				failed = store.Set("arya", "1", values(t, each))
			}
			got := map[string]flightpb.SetSessionOptionsResult_ErrorValue{}
			for name, why := range failed {
				got[name] = why.GetValue()
			}
			if tc.failed == nil {
				tc.failed = map[string]flightpb.SetSessionOptionsResult_ErrorValue{}
			}
			if diff := cmp.Diff(tc.failed, got); diff != "" {
				t.Errorf("errors: %s\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(values(t, tc.want), store.Options("arya", "1"), protocmp.Transform()); diff != "" {
				t.Errorf("options: %s\n%s", tc.reason, diff)
			}
		})
	}
}

func TestSessionsAreTheirOwners(t *testing.T) {
	store, _ := newStore()
	store.Set("arya", "1", values(t, map[string]any{"text": "a"}))
	if store.Has("cersei", "1") || store.Options("cersei", "1") != nil {
		t.Error("another owner has the session")
	}
	store.Close("cersei", "1")
	if !store.Has("arya", "1") {
		t.Error("another owner closed the session")
	}
	store.Close("arya", "1")
	if store.Has("arya", "1") || len(store.mu.owners) != 0 {
		t.Error("the session outlived its end")
	}
}

func TestIdleSessionsEnd(t *testing.T) {
	store, now := newStore()
	set := func(owner, id string) { store.Set(owner, id, values(t, map[string]any{"text": "a"})) }
	set("arya", "used")
	set("arya", "idle")
	now.SetTime(now.Now().Add(IdleLife))
	if !store.Has("arya", "used") {
		t.Error("a session ended before its time")
	}
	now.SetTime(now.Now().Add(time.Second))
	if store.Has("arya", "idle") {
		t.Error("an idle session stayed")
	}
	now.SetTime(now.Now().Add(2 * IdleLife))
	set("sansa", "1")
	if len(store.mu.owners) != 1 {
		t.Errorf("owners = %v, want sansa alone", store.mu.owners)
	}
}

func TestAnOwnersSessionsAreBounded(t *testing.T) {
	store, now := newStore()
	store.Set("sansa", "0", nil)
	for i := range maxPerOwner + 1 {
		store.Set("arya", fmt.Sprint(i), nil)
		now.SetTime(now.Now().Add(time.Millisecond))
		store.Has("arya", "0") // used, so that another goes
	}
	if n := len(store.mu.owners["arya"]); n != maxPerOwner {
		t.Errorf("%d sessions, want %d", n, maxPerOwner)
	}
	if !store.Has("arya", "0") || store.Has("arya", "1") || !store.Has("sansa", "0") {
		t.Error("not the session that was unused for longest went")
	}
}

func TestManyAtOnce(*testing.T) {
	store, _ := newStore()
	var calls sync.WaitGroup
	for i := range 8 {
		calls.Go(func() {
			for range 100 {
				id := fmt.Sprint(i % 2)
				store.Set("arya", id, map[string]*flight.SessionOptionValue{"text": nil})
				store.Options("arya", id)
				store.Close("arya", id)
			}
		})
	}
	calls.Wait()
}
