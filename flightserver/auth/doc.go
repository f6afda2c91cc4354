// Package auth tells who calls and what they may do: a bearer token becomes an
// identity, an identity and a verb become a permission. It knows nothing of
// gRPC.
//
// Tokens come from a credentials file (settings.Credentials) that holds digests
// only and is followed while the server runs. A file that cannot be read or
// parsed changes nothing: the last good one stays in force.
package auth
