// Package server speaks Flight to clients (the data port), to the operator (the
// admin port, mutual TLS) and health, readiness and metrics to whoever watches
// (the ops port).
//
// A call passes recover, measure, toStatus and authenticate, in this order, and
// then one handler: list.go, info.go, poll.go, get.go, put.go, exchange.go,
// actions.go, login.go. Handlers give the errors of the packages below them;
// errors.go alone turns these into what clients read.
//
// What is asked for is a query (command.go), which is fitted to a dataset
// (selection.go), promised by tickets (info.go, ticket.go) and read (reading.go,
// selected.go), the latter for links over HTTP as well (linkdata.go).
package server
