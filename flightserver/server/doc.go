// Package server speaks Flight to clients (the data port), to the operator (the
// admin port, mutual TLS) and health, readiness and metrics to whoever watches
// (the ops port).
//
// A call passes recover, measure, toStatus and authenticate, in this order, and
// then one handler: list.go, info.go, get.go, put.go, actions.go. Handlers give
// the errors of the packages below them; errors.go alone turns these into what
// clients read.
package server
