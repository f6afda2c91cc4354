// Package auth tells who calls and what they may do: a bearer token, a password,
// a client certificate or the token of a ServiceAccount becomes an identity; an identity, a verb and a dataset
// with its access rules become a decision, and Decide is the one place where that
// is done. It knows nothing of gRPC.
//
// Tokens, users and certificates come from a credentials file (settings.Credentials) that
// holds digests and hashes only and is followed while the server runs. A file
// that cannot be read or parsed changes nothing: the last good one stays in
// force. What is under way by credentials that are no longer in it ends.
//
// A token of a Kubernetes ServiceAccount is put before the API server, at a
// bounded rate; the file says which ServiceAccounts have which role.
//
// A password is traded for a bearer, which is a signed statement: every server
// with the same Keys takes it, and none remembers it. It names the user and the
// version of the password, so that it ends with either.
package auth
