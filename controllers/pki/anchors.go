package pki

import (
	"crypto/x509"
	"slices"
)

// anchors are roots that vouch for a certificate which clients meet.
type anchors struct {
	own    bool // those of the cluster's own authority, whichever these are
	others []*x509.Certificate
}

func (a anchors) with(b anchors) anchors {
	out := anchors{own: a.own || b.own, others: slices.Clone(a.others)}
	for _, root := range b.others {
		out.others = appendRoot(out.others, root)
	}
	return out
}

func (a anchors) without(b anchors) anchors {
	out := anchors{own: a.own && !b.own}
	for _, root := range a.others {
		if !slices.ContainsFunc(b.others, root.Equal) {
			out.others = append(out.others, root)
		}
	}
	return out
}

func (a anchors) same(b anchors) bool { return a.without(b).empty() && b.without(a).empty() }

func (a anchors) empty() bool { return !a.own && len(a.others) == 0 }

// roots spells own out.
func (a anchors) roots(own []*x509.Certificate) []*x509.Certificate {
	var out []*x509.Certificate
	if a.own {
		out = slices.Clone(own)
	}
	for _, root := range a.others {
		out = appendRoot(out, root)
	}
	return out
}

// bundle writes roots in an order that a change of their roles does not change.
func bundle(roots []*x509.Certificate) []byte {
	sorted := slices.SortedFunc(slices.Values(roots), func(a, b *x509.Certificate) int {
		if c := b.NotBefore.Compare(a.NotBefore); c != 0 {
			return c
		}
		return slices.Compare(sum(a), sum(b))
	})
	return encode(sorted...)
}
