package pki

import (
	"crypto/x509"
	"slices"
	"time"
)

// Show gives what clients should meet and trust. A nil offer is the certificate
// of the cluster's own authority. The error says what is wrong with an offer:
// then what is shown stays, whatever that is.
func Show(stored Stored, own Set, offer *Offer, p Policy, now time.Time) (Handover, error) {
	if p.Plaintext {
		return Handover{Shown: own.Server, known: anchors{own: true}, wanted: anchors{own: true}, own: own.Rollover.roots()}, nil
	}
	from := read(own, offer, now)
	h := restore(stored, own, from, p, now)
	h.known.others = slices.DeleteFunc(h.known.others, func(c *x509.Certificate) bool { return ended(c, now) })
	h.next = from.anchors.without(h.known)
	if from.fault == nil {
		h = h.take(from, p, now)
	} else {
		h.wanted = h.known.with(h.next)
	}
	return h.withWaitChecked(stored.Published, now), from.fault
}

// ReadHandover takes what is stored as it is, for a cluster that must not be
// changed.
func ReadHandover(stored Stored, own Set, offer *Offer, p Policy, now time.Time) Handover {
	h := restore(stored, own, read(own, offer, now), p, now)
	h.wanted = h.known.with(h.next)
	return h
}

func read(own Set, offer *Offer, now time.Time) offered {
	if offer == nil {
		return offered{pair: own.Server, anchors: anchors{own: true}}
	}
	return offer.read(now)
}

// restore reads what is stored. Where that is nothing, clients either trust the
// cluster's own authority, or the Secret was lost: then they know what they find
// published, but for what is offered and may be as new as that.
func restore(stored Stored, own Set, from offered, p Policy, now time.Time) Handover {
	h, found := parseHandover(stored.Authority)
	h.Shown, h.own = stored.Shown, own.Rollover.roots()
	if found {
		return h
	}
	if h.vouched(h.Shown, anchors{own: true}, now) {
		h.known.own = true
		return h
	}
	for _, root := range readCertificates(slices.Concat(stored.Published...)) {
		a := anchors{own: checkRoot(root, p.Names.Cluster) == nil}
		if !a.own {
			a.others = []*x509.Certificate{root}
		}
		if from.anchors.without(a).same(from.anchors) || h.vouched(h.Shown, a, now) {
			h.known = h.known.with(a)
		}
	}
	return h
}

// take shows what is offered when clients know roots that vouch for it, or when
// nothing is gained by waiting until they do.
func (h Handover) take(from offered, p Policy, now time.Time) Handover {
	h.wanted = from.anchors
	if !h.vouched(from.pair, h.known, now) && h.useless(p, now) {
		h.known, h.next = h.known.with(h.next), anchors{}
	}
	if h.vouched(from.pair, h.known, now) && !h.Shown.equal(from.pair) {
		h.Shown, h.taken = from.pair, now
	}
	return h
}

// useless tells whether what is shown is good to nobody, or about to be.
func (h Handover) useless(p Policy, now time.Time) bool {
	shown, err := h.Shown.parse()
	return err != nil || !now.Before(p.Leaf.lastMoment(shown.cert)) || !h.vouched(h.Shown, h.known, now)
}

// vouched tells whether a pair is good to clients that trust the anchors.
func (h Handover) vouched(p KeyPair, a anchors, now time.Time) bool {
	if _, err := p.parse(); err != nil {
		return false
	}
	_, err := chain(p, a.roots(h.own), now)
	return err == nil
}
