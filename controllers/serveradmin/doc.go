// Package serveradmin calls the admin port of a server: Flight actions over
// mutual TLS, their bodies those of package settings.
package serveradmin
