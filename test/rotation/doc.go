// Package rotation drives five real servers by one operator through months in
// which certificates, authorities, tokens and signing keys are replaced, while
// clients read and write through each of them and must not notice.
package rotation
