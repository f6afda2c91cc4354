// Package formats reads files as streams of Arrow record batches and writes
// such streams as files. Whatever the size of a file, a few batches of it are
// in memory at a time.
package formats
