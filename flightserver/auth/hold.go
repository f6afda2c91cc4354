package auth

import (
	"context"
	"sync"
)

// held are the calls that are under way, by the credentials that they were made
// with.
type held struct {
	mu    sync.Mutex
	calls map[Credential]map[*context.CancelCauseFunc]struct{}
}

// Hold gives a context for a call of the identity, which ends with ErrRevoked
// when its credentials are taken out of the file. The caller releases it when
// the call has ended.
func (a *Authenticator) Hold(ctx context.Context, id Identity) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	a.held.add(id.Credential, &cancel)
	// The file may have changed between the look at it and this one.
	if _, ok := a.loaded.Load().find(id.Credential); !ok {
		cancel(ErrRevoked)
	}
	return ctx, func() {
		a.held.remove(id.Credential, &cancel)
		cancel(nil)
	}
}

func (h *held) add(c Credential, cancel *context.CancelCauseFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.calls == nil {
		h.calls = map[Credential]map[*context.CancelCauseFunc]struct{}{}
	}
	if h.calls[c] == nil {
		h.calls[c] = map[*context.CancelCauseFunc]struct{}{}
	}
	h.calls[c][cancel] = struct{}{}
}

func (h *held) remove(c Credential, cancel *context.CancelCauseFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.calls[c], cancel)
	if len(h.calls[c]) == 0 {
		delete(h.calls, c)
	}
}

// revoke ends the calls whose credentials are not in the file, and tells how
// many they are.
func (h *held) revoke(file *credentials) (ended int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, calls := range h.calls {
		if _, ok := file.find(c); ok {
			continue
		}
		for cancel := range calls {
			(*cancel)(ErrRevoked)
			ended++
		}
	}
	return ended
}
