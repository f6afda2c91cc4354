package rotation

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// TestSigningWalks: what any member signs, every member verifies for as long as
// it is good, whenever each loads the keys and however often the operator dies.
func TestSigningWalks(t *testing.T) {
	type claim struct {
		key  string
		ends time.Time
	}
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 2))
		now, stored := noon, map[string][]byte(nil)
		members := make([]loadedKeys, 3)
		signed := map[claim]bool{}
		seen := map[string]bool{}
		for range 500 {
			now = now.Add(time.Duration(random.Int64N(int64(10 * time.Hour))))
			operator := now.Add(time.Duration(random.Int64N(int64(Skew))))
			signers := ParseSigners(stored, operator)
			if stored != nil {
				signers = signers.Advance(func(time.Time) bool {
					for _, m := range members {
						if m.revision != settings.Revision(stored[settings.SigningKeysFile]) {
							return false
						}
					}
					return true
				}, operator)
			}
			data, err := signers.Data()
			if err != nil {
				t.Fatal(err)
			}
			if random.IntN(3) > 0 {
				stored = data
			}
			for i := range members {
				if stored != nil && (members[i].ids == nil || random.IntN(3) == 0) {
					members[i] = load(t, stored[settings.SigningKeysFile])
				}
			}
			for _, m := range members {
				if m.ids != nil {
					signed[claim{m.ids[0], now.Add(settings.BearerLife)}] = true
					seen[m.ids[0]] = true
				}
			}
			for c := range signed {
				if !now.Before(c.ends) {
					delete(signed, c)
					continue
				}
				for i, m := range members {
					if m.ids != nil && !slices.Contains(m.ids, c.key) {
						t.Fatalf("seed %d: member %d refuses what key %s signed", seed, i, c.key)
					}
				}
			}
		}
		if len(seen) < 3 {
			t.Errorf("seed %d: %d keys signed in four months", seed, len(seen))
		}
	}
}

// A key that nobody signs with stays as long as what it signed, by whichever
// clock.
func TestDepartedKeyStaysWithItsBearers(t *testing.T) {
	s, now := ParseSigners(nil, noon), noon.Add(signingInterval)
	for range 3 {
		s = s.Advance(func(time.Time) bool { return true }, now)
	}
	ends := now.Add(settings.BearerLife + Skew)
	for at, want := range map[time.Time]int{now: 2, ends.Add(-time.Second): 2, ends: 1} {
		if got := len(s.Advance(func(time.Time) bool { return true }, at).keys); got != want {
			t.Errorf("%d keys %s after nobody signs with the former, want %d", got, at.Sub(now), want)
		}
	}
}

func TestSignersHeal(t *testing.T) {
	data, err := ParseSigners(nil, noon).Data()
	if err != nil {
		t.Fatal(err)
	}
	first := parse(t, data[settings.SigningKeysFile]).Keys[0].ID
	for name, tc := range map[string]struct {
		damage func(map[string][]byte)
		same   bool
	}{
		"nothing":        {func(map[string][]byte) {}, true},
		"phases deleted": {func(d map[string][]byte) { delete(d, phasesKey) }, true},
		"phases edited":  {func(d map[string][]byte) { d[phasesKey] = []byte("x: {phase: Signing, since: 9999-01-01T00:00:00Z}") }, true},
		"keys deleted":   {func(d map[string][]byte) { delete(d, settings.SigningKeysFile) }, false},
		"keys edited":    {func(d map[string][]byte) { d[settings.SigningKeysFile] = []byte("keys: [") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			damaged := map[string][]byte{settings.SigningKeysFile: data[settings.SigningKeysFile], phasesKey: data[phasesKey]}
			tc.damage(damaged)
			healed, err := ParseSigners(damaged, noon).Data()
			if err != nil {
				t.Fatal(err)
			}
			if got := parse(t, healed[settings.SigningKeysFile]).Keys[0].ID; (got == first) != tc.same {
				t.Errorf("signs with %s after %s", got, first)
			}
		})
	}
}

func parse(t *testing.T, file []byte) *settings.SigningKeys {
	t.Helper()
	keys, err := settings.ParseSigningKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// loadedKeys are the keys that a member has loaded.
type loadedKeys struct {
	revision string
	ids      []string
}

func load(t *testing.T, file []byte) loadedKeys {
	t.Helper()
	out := loadedKeys{revision: settings.Revision(file)}
	for _, k := range parse(t, file).Keys {
		out.ids = append(out.ids, k.ID)
	}
	return out
}
