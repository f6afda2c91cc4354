package pki

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	cmpki "github.com/cert-manager/cert-manager/pkg/util/pki"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Stored is what the API server holds, whatever its condition.
type Stored struct {
	Authority        map[string][]byte // content of the Secret
	Server, Operator Leaf
	Shown            KeyPair
	// Published are the bundles of roots that clients find.
	Published [][]byte
}

// Leaf is a certificate with the roots that lie beside it.
type Leaf struct {
	KeyPair

	Trust []byte
}

// Set is every key pair of one cluster.
type Set struct {
	Rollover         Rollover
	Server, Operator KeyPair
}

// Change is a pair that was replaced, and why.
type Change struct{ Pair, Why string }

// Names of pairs in a Change.
const (
	PairAuthority = "authority"
	PairServer    = "server certificate"
	PairOperator  = "operator certificate"
)

// Heal gives what should be stored: with every pair replaced that is missing,
// broken, signed by another authority, made for other names, or due, and with a
// new authority beside one that is due or has lost its key. A pair that still
// serves stays until everybody trusts the next.
func Heal(stored Stored, p Policy, now time.Time) (Set, []Change, error) {
	h := begin(stored, p, now)
	h.prune()
	if err := h.replaceAuthorities(); err != nil {
		return Set{}, nil, err
	}
	if err := h.renewLeaves(); err != nil {
		return Set{}, nil, err
	}
	h.checkWait(stored)
	return h.out, h.changes, nil
}

// Read takes what is stored as it is, for a cluster that must not be changed.
func Read(stored Stored, p Policy, now time.Time) Set {
	return begin(stored, p, now).out
}

var errReplaced = errors.New("not the one that signed what is in use")

// healing is one run of Heal.
type healing struct {
	Policy

	now     time.Time
	out     Set
	lost    error // what is wrong with the active authority; nil: nothing
	changes []Change
}

// begin takes what is stored as it is.
func begin(stored Stored, p Policy, now time.Time) *healing {
	h := &healing{Policy: p, now: now, out: Set{Server: stored.Server.KeyPair, Operator: stored.Operator.KeyPair}}
	h.read(stored.Authority)
	h.remember(stored)
	return h
}

// read takes what can be read of the authority's Secret. A next authority
// without its key may have signed before, so it stays trusted.
func (h *healing) read(data map[string][]byte) {
	r := &h.out.Rollover
	r.active, h.lost = readAuthority(KeyPair{Certificate: data[settings.TLSCertFile], Key: data[settings.TLSKeyFile]}, h.Names.Cluster)
	r.next, _ = readAuthority(KeyPair{Certificate: data[nextCertKey], Key: data[nextKeyKey]}, h.Names.Cluster)
	r.previous = readRoots(data[previousKey], h.Names.Cluster)
	if r.next.cert != nil && !r.next.signs() {
		r.previous = appendRoot(r.previous, r.next.cert)
		r.next = authority{}
	}
	since, err := time.Parse(time.RFC3339Nano, string(data[sinceKey]))
	if err == nil {
		r.wait = wait{since: since, bundle: string(data[bundleKey])}
	}
}

// remember finds roots that certificates in use depend on and that the
// authority's Secret does not know: it was deleted, damaged, or brought back
// from a time before. The stored authority then has to be trusted first, like
// any new one.
func (h *healing) remember(stored Stored) {
	r := &h.out.Rollover
	beside := slices.DeleteFunc(readRoots(slices.Concat(stored.Server.Trust, stored.Operator.Trust), h.Names.Cluster), h.ended)
	forgotten := r.active.cert == nil
	for _, pair := range []KeyPair{stored.Server.KeyPair, stored.Operator.KeyPair} {
		leaf, err := cmpki.DecodeX509CertificateBytes(pair.Certificate)
		if err != nil || issuer(leaf, r.roots()) != nil {
			continue
		}
		root := issuer(leaf, beside)
		switch {
		case root == nil:
			continue
		case r.active.cert == nil:
			r.active = keyless(root)
		case r.active.signs() && issuedNone(r.active.cert, stored):
			r.previous = appendRoot(r.previous, r.next.cert)
			r.next, r.active = r.active, keyless(root)
			h.lost = errReplaced
		}
		forgotten = true
	}
	if !forgotten {
		return
	}
	// Members may still use what any of them signed.
	for _, root := range beside {
		if r.active.cert == nil {
			r.active = keyless(root)
		}
		r.previous = appendRoot(r.previous, root)
	}
}

// issuedNone tells whether a root signed neither stored leaf.
func issuedNone(root *x509.Certificate, stored Stored) bool {
	for _, pair := range []KeyPair{stored.Server.KeyPair, stored.Operator.KeyPair} {
		leaf, err := cmpki.DecodeX509CertificateBytes(pair.Certificate)
		if err == nil && leaf.CheckSignatureFrom(root) == nil {
			return false
		}
	}
	return true
}

func (h *healing) ended(root *x509.Certificate) bool { return ended(root, h.now) }

// ended tells whether a root has ended for everybody, whose clock is behind too.
func ended(root *x509.Certificate, now time.Time) bool { return now.After(root.NotAfter.Add(backdate)) }

// prune forgets previous roots that are of no use to anybody.
func (h *healing) prune() {
	r := &h.out.Rollover
	r.previous = slices.DeleteFunc(r.previous, func(c *x509.Certificate) bool {
		return r.active.is(c) || r.next.is(c) || h.ended(c)
	})
}

// replaceAuthorities sees to it that there is one that signs now, and one that
// will when that one is due.
func (h *healing) replaceAuthorities() error {
	r := &h.out.Rollover
	if r.next.cert != nil && h.pastLastMoment(r.next) {
		r.previous = appendRoot(r.previous, r.next.cert)
		r.next = authority{}
	}
	why, atOnce := h.authorityFault()
	if why == "" && !atOnce {
		return nil
	}
	if r.next.cert == nil {
		next, err := newAuthority(h.Names.Cluster, h.Authority, h.now)
		if err != nil {
			return err
		}
		r.next = next
		h.changes = append(h.changes, Change{PairAuthority, why})
	}
	if atOnce {
		*r = r.promote()
		h.prune()
	}
	return nil
}

// authorityFault says why the active authority needs a successor, and whether
// nothing is gained by waiting until everybody trusts that one.
func (h *healing) authorityFault() (why string, atOnce bool) {
	active := h.out.Rollover.active
	switch {
	case active.cert == nil:
		return h.lost.Error(), true
	case !h.now.Before(active.cert.NotAfter):
		return "expired", true
	case h.pastLastMoment(active):
		return "about to expire", true
	case !active.signs():
		return h.lost.Error(), false
	case !h.now.Before(h.Authority.due(active.cert)):
		return "due for renewal", false
	}
	return "", false
}

func (h *healing) pastLastMoment(a authority) bool {
	return !h.now.Before(h.Authority.lastMoment(a.cert))
}

// checkWait starts a wait anew when what it is about has changed: clients that
// read in between do not have what they should.
func (h *healing) checkWait(stored Stored) {
	r := &h.out.Rollover
	unread := r.next.cert != nil && publishesOwn(stored.Authority) && !allPublish(stored.Published, r.roots())
	if unread || r.wait.stale(r.Trust(), h.now) {
		r.wait = wait{}
	}
}

func issuer(leaf *x509.Certificate, roots []*x509.Certificate) *x509.Certificate {
	i := slices.IndexFunc(roots, func(root *x509.Certificate) bool { return leaf.CheckSignatureFrom(root) == nil })
	if i < 0 {
		return nil
	}
	return roots[i]
}
