// Package settings holds what the operator writes and the server reads: the
// settings file, the credentials file, ports, the places of files in a pod and
// the bodies of the admin port's actions. It is the only package that both
// programs import, so each of these is written once.
//
// Files are YAML, decoded strictly: a key that is not known is refused by name.
package settings
