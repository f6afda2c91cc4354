// Package rotation replaces tokens and signing keys with nobody noticing. It
// knows no API server: what is stored goes in, what should be stored comes out.
//
// A token goes through these states, each of which is stored before the next
// begins, so that an operator that dies in between goes on where it was:
//
//	made       the servers' Secret is about to hold its digest
//	published  the servers' Secret holds it; members are loading it
//	handed     every running member accepts it: the consumer's Secret is about
//	           to hold its text
//	superseded the consumer's Secret holds a later one: the overlap runs, and
//	           with its end the digest goes
//
// A consumer that reads its Secret at least once within the overlap so has, at
// any time, a token that every running member accepts.
//
// A signing key is verified with before any member signs with it, and as long as
// what it signed is good.
package rotation
