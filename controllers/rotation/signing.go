package rotation

import (
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// signingInterval is how long a key signs.
const signingInterval = 720 * time.Hour

// phasesKey is the key of the Secret that servers do not read.
const phasesKey = "phases.yaml"

// Phase is what a signing key is for.
type Phase string

// Phases of a signing key, in their order.
const (
	Next     Phase = "Next"     // members learn to verify with it
	Signing  Phase = "Signing"  // the first of the file
	Leaving  Phase = "Leaving"  // some member may still sign with it
	Departed Phase = "Departed" // none does; what it signed is good for a while
)

// Signers are a cluster's signing keys, in the order of the file.
type Signers struct{ keys []signer }

type signer struct {
	settings.SigningKey
	state
}

type state struct {
	Phase Phase     `json:"phase"`
	Since time.Time `json:"since"`
}

// ParseSigners reads the Secret of signing keys. Without keys it makes one, and
// what was signed with others is refused. Without phases, which somebody removed,
// the first key signs and the others stay as long as what they signed.
func ParseSigners(data map[string][]byte, now time.Time) Signers {
	now = storable(now)
	file, err := settings.ParseSigningKeys(data[settings.SigningKeysFile])
	if err != nil {
		return Signers{keys: []signer{newSigner(Signing, now)}}
	}
	var states map[string]state
	if yaml.UnmarshalStrict(data[phasesKey], &states) != nil {
		states = nil
	}
	var s Signers
	for i, key := range file.Keys {
		known, ok := states[key.ID]
		if !ok || (i == 0) != (known.Phase == Signing) || !slices.Contains([]Phase{Next, Signing, Leaving, Departed}, known.Phase) {
			known = state{Phase: Leaving, Since: now}
			if i == 0 {
				known.Phase = Signing
			}
		}
		bound(&known.Since, now)
		s.keys = append(s.keys, signer{key, known})
	}
	return s
}

func newSigner(phase Phase, now time.Time) signer {
	return signer{settings.NewSigningKey(), state{Phase: phase, Since: now}}
}

// Data is what the Secret should hold.
func (s Signers) Data() (map[string][]byte, error) {
	file, states := settings.SigningKeys{}, map[string]state{}
	for _, k := range s.keys {
		file.Keys = append(file.Keys, k.SigningKey)
		states[k.ID] = k.state
	}
	keys, err := file.Marshal()
	if err != nil {
		return nil, err
	}
	phases, err := yaml.Marshal(states)
	return map[string][]byte{settings.SigningKeysFile: keys, phasesKey: phases}, err
}

// Advance gives the keys that follow. Acknowledged tells whether every member has
// loaded what was written at that time.
func (s Signers) Advance(acknowledged func(written time.Time) bool, now time.Time) Signers {
	now = storable(now)
	keys := slices.DeleteFunc(slices.Clone(s.keys), func(k signer) bool {
		return k.Phase == Departed && !now.Before(k.Since.Add(settings.BearerLife+Skew))
	})
	signing, last := &keys[0], &keys[len(keys)-1]
	switch {
	case last.Phase == Next && acknowledged(last.Since):
		signing.state = state{Leaving, now}
		last.state = state{Signing, now}
		keys = slices.Insert(keys[:len(keys)-1], 0, *last)
	case slices.ContainsFunc(keys, isLeaving) && acknowledged(signing.Since):
		for i := range keys {
			if isLeaving(keys[i]) {
				keys[i].state = state{Departed, now}
			}
		}
	case len(keys) == 1 && !now.Before(signing.Since.Add(signingInterval)):
		keys = append(keys, newSigner(Next, now))
	}
	return Signers{keys: keys}
}

func isLeaving(k signer) bool { return k.Phase == Leaving }
