package pki

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// handoverKey of the authority's Secret holds a Handover, unless clients trust
// the cluster's own authority and nothing else is offered.
const handoverKey = "handover.yaml"

// Handover is what clients meet and trust, and how far that is from what is
// offered. It goes through the phases of a Rollover: roots are published before
// a certificate is shown that only they vouch for, and as long as one may be
// met that others vouch for.
type Handover struct {
	// Shown is the certificate that clients meet; empty: none was ever offered.
	Shown KeyPair

	known  anchors // clients have read them
	next   anchors // published since; clients may not have read them yet
	wanted anchors // those of what is offered
	own    []*x509.Certificate
	wait   wait
	taken  time.Time // when members were last given what somebody else offered
}

// storedHandover is the content of handoverKey.
type storedHandover struct {
	Known  storedAnchors `json:"known"`
	Next   storedAnchors `json:"next"`
	Since  time.Time     `json:"since,omitzero"`
	Bundle string        `json:"bundle,omitempty"`
	Taken  time.Time     `json:"taken,omitzero"`
}

type storedAnchors struct {
	Own    bool   `json:"own,omitempty"`
	Others string `json:"others,omitempty"` // PEM
}

// Data is what the authority's Secret should hold beside the Rollover.
func (h Handover) Data() (map[string][]byte, error) {
	if h.next.empty() && h.known.own && len(h.known.others) == 0 || h.known.empty() && h.next.empty() {
		return nil, nil
	}
	text, err := yaml.Marshal(storedHandover{
		Known: h.known.stored(), Next: h.next.stored(), Since: h.wait.since, Bundle: h.wait.bundle, Taken: h.taken,
	})
	return map[string][]byte{handoverKey: text}, err
}

func (a anchors) stored() storedAnchors {
	return storedAnchors{Own: a.own, Others: string(bundle(a.others))}
}

// Trust is the bundle of roots that clients should trust; empty: none yet.
func (h Handover) Trust() []byte { return bundle(h.known.with(h.next).roots(h.own)) }

// Phase tells how far the handover is.
func (h Handover) Phase() v1alpha1.PKIPhase {
	return phaseOf(!h.next.empty(), !h.known.without(h.wanted).empty(), h.wait)
}

// Advance goes one step further when everything that was to be published is, and
// members and time allow. It gives its argument back when they do not.
func (h Handover) Advance(p Policy, loaded Loaded, now time.Time) Handover {
	switch nextMove(h.Phase(), h.wait, p, loaded, now) {
	case moveWait:
		h.wait = waitFrom(now, h.Trust())
	case movePromote:
		h.known, h.next, h.wait = h.known.with(h.next), anchors{}, wait{}
	case moveForget:
		h.known, h.wait = h.wanted, wait{}
	case moveNone:
	}
	return h
}

// Until is when the overlap of the phase is over; zero: it has none, or has not
// begun. What is shown now may end before.
func (h Handover) Until(p Policy) time.Time {
	until := h.wait.until(p)
	shown, err := h.Shown.parse()
	if h.Phase() == v1alpha1.PKITrusting && err == nil && p.Leaf.lastMoment(shown.cert).Before(until) {
		return p.Leaf.lastMoment(shown.cert)
	}
	return until
}

// issuer is the root that vouches for what is shown; nil: none.
func (h Handover) issuer(shown *x509.Certificate) *x509.Certificate {
	certs, err := chain(h.Shown, h.known.roots(h.own), shown.NotBefore)
	if err != nil {
		return nil
	}
	return certs[len(certs)-1]
}

// pending is a root that will vouch for what is shown next; nil: it is known.
func (h Handover) pending() *x509.Certificate {
	if roots := h.next.roots(h.own); len(roots) > 0 {
		return roots[0]
	}
	return nil
}

// parseHandover reads what Data gave, and false when there is none.
func parseHandover(authority map[string][]byte) (Handover, bool) {
	var s storedHandover
	if text := authority[handoverKey]; len(text) == 0 || yaml.UnmarshalStrict(text, &s) != nil {
		return Handover{}, false
	}
	return Handover{known: s.Known.read(), next: s.Next.read(), wait: wait{since: s.Since, bundle: s.Bundle}, taken: s.Taken}, true
}

func (s storedAnchors) read() anchors {
	return anchors{own: s.Own, others: readCertificates([]byte(s.Others))}
}

// publishesOwn tells whether clients are meant to find the roots of the
// cluster's own authority.
func publishesOwn(authority map[string][]byte) bool {
	h, stored := parseHandover(authority)
	return !stored || h.known.own || h.next.own
}

// allPublish tells whether every bundle has every root.
func allPublish(bundles [][]byte, roots []*x509.Certificate) bool {
	return !slices.ContainsFunc(bundles, func(b []byte) bool {
		published := readCertificates(b)
		return slices.ContainsFunc(roots, func(root *x509.Certificate) bool {
			return !slices.ContainsFunc(published, root.Equal)
		})
	})
}

func (h Handover) withWaitChecked(published [][]byte, now time.Time) Handover {
	trust := h.Trust()
	wrong := slices.ContainsFunc(published, func(b []byte) bool { return !bytes.Equal(b, trust) })
	if h.wait.stale(trust, now) || !h.next.empty() && wrong {
		h.wait = wait{}
	}
	return h
}
