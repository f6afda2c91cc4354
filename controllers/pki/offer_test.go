package pki_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// offerOf is a certificate that an issuer gave, with its root.
func offerOf(t *testing.T, by *issuer.Issuer, names []string, from time.Time, life time.Duration) *pki.Offer {
	t.Helper()
	cert, key := by.Sign(t, "prod", names, nil, from, from.Add(life))
	return &pki.Offer{KeyPair: pki.KeyPair{Certificate: cert, Key: key}, Trust: by.Root, Names: names}
}

// What is of no use is not shown, and the error names what to look at.
func TestShowRefusesAnOffer(t *testing.T) {
	corp := issuer.New(t, "corp", start)
	other := issuer.New(t, "other", start)
	sign := func(by *issuer.Issuer, from time.Time, names ...string) *pki.Offer {
		cert, key := by.Sign(t, "prod", names, nil, from, from.Add(30*day))
		return &pki.Offer{KeyPair: pki.KeyPair{Certificate: cert, Key: key}, Trust: corp.Root, Names: policy.Names.DNS}
	}
	good := sign(corp, start, policy.Names.DNS...)
	for name, tc := range map[string]struct {
		offer *pki.Offer
		after time.Duration
		want  string // empty: it is shown
	}{
		"good":            {offer: good},
		"nothing":         {offer: &pki.Offer{}, want: "ca.crt is missing"},
		"roots too early": {offer: &pki.Offer{Trust: corp.Root}, want: "tls.crt is missing"},
		"no key":          {offer: &pki.Offer{KeyPair: pki.KeyPair{Certificate: good.Certificate}, Trust: corp.Root}, want: "tls.key is missing"},
		"another key": {
			offer: &pki.Offer{KeyPair: pki.KeyPair{Certificate: good.Certificate, Key: sign(corp, start).Key}, Trust: corp.Root},
			want:  "tls.crt with tls.key: key is not that of the certificate",
		},
		"half a root":     {offer: &pki.Offer{KeyPair: good.KeyPair, Trust: corp.Root[:100]}, want: "ca.crt cannot be read"},
		"root that ended": {offer: good, after: 2 * year, want: "no root in ca.crt is valid any more"},
		"ended":           {offer: good, after: 31 * day, want: "tls.crt ended on 2026-03-31"},
		"of tomorrow":     {offer: sign(corp, start.Add(day), policy.Names.DNS...), want: "tls.crt is not valid before 2026-03-02"},
		"other names":     {offer: sign(corp, start, policy.Names.DNS[0]), want: "tls.crt is not good for the name *.prod-peers.flights.svc"},
		"another issuer":  {offer: sign(other, start, policy.Names.DNS...), want: "no root in ca.crt vouches for tls.crt"},
	} {
		t.Run(name, func(t *testing.T) {
			own := heal(t, pki.Stored{}, start)
			h, err := pki.Show(pki.Stored{}, own, tc.offer, policy, start.Add(tc.after))
			if shown := len(h.Shown.Certificate) > 0; shown != (tc.want == "") {
				t.Errorf("shown: %t", shown)
			}
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// A handover cannot wait for clients longer than what they meet is good.
func TestHandoverEndsWithWhatIsShown(t *testing.T) {
	corp := issuer.New(t, "corp", start)
	own := heal(t, pki.Stored{}, start)
	h, err := pki.Show(stored(own), own, offerOf(t, corp, policy.Names.DNS, start, 30*day), policy, start)
	if err != nil {
		t.Fatal(err)
	}
	h = h.Advance(policy, pki.Loaded{}, start)
	want := leaf(t, own.Server).NotAfter.Add(-backdate)
	if got := h.Until(policy); h.Phase() != v1alpha1.PKITrusting || !got.Equal(want) {
		t.Errorf("phase %s until %s, want Trusting until %s, when the certificate of before ends", h.Phase(), got, want)
	}
}
