// Package secrets uses a server rightly and wrongly with secrets that it knows,
// and looks for each of them in all that the server puts out.
package secrets
