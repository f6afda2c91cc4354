// Package target finds a Flight server and connects to it: a server that is
// named, or one of a FlightCluster, whose address, authority and token
// Kubernetes knows and which a port-forward reaches where its Service does not.
package target
