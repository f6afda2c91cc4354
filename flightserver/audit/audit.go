// Package audit writes who did what, and who was not let: a line of JSON for
// each decision, in a file of its own. It is given no secrets.
package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// Stderr is the name of the log that goes to the process's standard error.
const Stderr = "stderr"

// Decisions.
const (
	Allow = "allow"
	Deny  = "deny"
)

// maxText bounds what a client may have a line hold of its own.
const maxText = 1024

// Record is one line.
type Record struct {
	Time       time.Time `json:"time"`
	ID         string    `json:"id"` // of the call, as logs and errors have it
	Who        string    `json:"who,omitempty"`
	Kind       string    `json:"kind,omitempty"`       // of the credentials
	Credential string    `json:"credential,omitempty"` // which of the name's: a token's key id, a password's version
	Role       string    `json:"role,omitempty"`
	Peer       string    `json:"peer,omitempty"`
	Method     string    `json:"method"`
	Dataset    string    `json:"dataset,omitempty"`
	Verb       string    `json:"verb,omitempty"`
	Decision   string    `json:"decision"`
	Reason     string    `json:"reason,omitempty"` // of a denial
}

// Log writes records. Any number of goroutines may use it; the nil Log writes
// none.
type Log struct {
	path string // empty: to is not a file that could be moved away

	mu struct {
		sync.Mutex
		to   io.Writer
		file *os.File // what to is, where there is a path
	}
}

// Open opens a log at a path, or Stderr. What is there is kept.
func Open(path string) (*Log, error) {
	l := &Log{}
	if path == Stderr {
		l.mu.to = os.Stderr
		return l, nil
	}
	l.path = path
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.reopenLocked(); err != nil {
		return nil, err
	}
	return l, nil
}

// Write adds a record. Where the file was moved away or removed, it makes
// another: that is how the log is rotated.
func (l *Log) Write(r Record) error {
	if l == nil {
		return nil
	}
	r.Dataset = cut(r.Dataset)
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.followLocked(); err != nil {
		return err
	}
	if _, err := l.mu.to.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.file == nil {
		return nil
	}
	return l.mu.file.Close()
}

// followLocked opens the file anew where the path has another one, or none.
func (l *Log) followLocked() error {
	if l.path == "" {
		return nil
	}
	at, err := os.Stat(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("audit: %w", err)
	}
	own, ownErr := l.mu.file.Stat()
	if err == nil && ownErr == nil && os.SameFile(at, own) {
		return nil
	}
	return l.reopenLocked()
}

func (l *Log) reopenLocked() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if l.mu.file != nil {
		_ = l.mu.file.Close() // every line was written by itself
	}
	l.mu.to, l.mu.file = file, file
	return nil
}

func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
