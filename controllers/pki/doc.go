// Package pki decides which certificates a cluster needs and makes them. It
// knows no API server: what is stored goes in, what should be stored comes out.
//
// A cluster has an authority of its own, a certificate that all its servers
// share, and a client certificate for the operator. Nothing else is signed by
// the authority, so a certificate that it signed for settings.OperatorCommonName
// is the operator.
//
// An authority is replaced by one with a new key before it ends, in phases:
//
//	Stable    one authority, trusted by all
//	Trusting  a new one is published; the old one signs until everybody trusts both
//	Issuing   the new one signs; members take over certificates that it signed
//	Retiring  nothing that the old one signed is in use; clients may still hold it
//
// How far that is stands in the authority's Secret, and nowhere else: a Rollover
// is its content. Heal brings any content, lost and damaged ones too, back onto
// this path; Advance goes one phase further when members and time allow.
package pki
