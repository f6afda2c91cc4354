// Package certmanager runs the real cert-manager, its controllers and its
// webhook, as one process: there is no image of it to pull. Its webhook comes as
// a helper of its own tests, so the program is a test as well: build.sh builds it.
//
// It is a module of its own, so that nothing of cert-manager is linked into the
// operator.
package certmanager
