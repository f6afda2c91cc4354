// Package pki decides which certificates a cluster needs and makes them. It
// knows no API server: what is stored goes in, what should be stored comes out.
//
// A cluster has an authority of its own, a certificate that all its servers
// share, and a client certificate for the operator. Nothing else is signed by
// the authority, so a certificate that it signed for settings.OperatorCommonName
// is the operator.
package pki
