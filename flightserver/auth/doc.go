// Package auth tells who calls and what they may do: a bearer token or a
// password becomes an identity, an identity and a verb become a permission. It
// knows nothing of gRPC.
//
// Tokens and users come from a credentials file (settings.Credentials) that
// holds digests and hashes only and is followed while the server runs. A file
// that cannot be read or parsed changes nothing: the last good one stays in
// force.
//
// A password is traded for a bearer, which is a signed statement: every server
// with the same Keys takes it, and none remembers it. It names the user and the
// version of the password, so that it ends with either.
package auth
