package auth

import (
	"context"
	"sync"
)

// held are the calls that are under way, by the credentials that they were made
// with.
type held struct {
	mu    sync.Mutex
	calls map[Credential]map[*heldCall]struct{}
}

type heldCall struct {
	cancel context.CancelCauseFunc
	token  *accountToken // nil: not of a ServiceAccount
	signer string        // of its bearer; empty: it has none
}

// Hold gives a context for a call of the identity, which ends with ErrRevoked
// when its credentials are taken out of the file, or by Kubernetes out of its
// own, or the key that signed its bearer is gone. The caller releases it when the call has ended.
func (a *Authenticator) Hold(ctx context.Context, id Identity) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	call := &heldCall{cancel, id.token, id.signer}
	a.held.add(id.Credential, call)
	// The files may have changed between the look at them and this one.
	if _, ok := a.loaded.Load().find(id.Credential); !ok || !a.vouched(id.signer) {
		cancel(ErrRevoked)
	}
	return ctx, func() {
		a.held.remove(id.Credential, call)
		cancel(nil)
	}
}

func (h *held) add(c Credential, call *heldCall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.calls == nil {
		h.calls = map[Credential]map[*heldCall]struct{}{}
	}
	if h.calls[c] == nil {
		h.calls[c] = map[*heldCall]struct{}{}
	}
	h.calls[c][call] = struct{}{}
}

func (h *held) remove(c Credential, call *heldCall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.calls[c], call)
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
		for call := range calls {
			call.cancel(ErrRevoked)
			ended++
		}
	}
	return ended
}

// endForged ends the calls by bearers whose key is gone: whoever had it can have
// made them.
func (a *Authenticator) endForged() {
	a.held.mu.Lock()
	defer a.held.mu.Unlock()
	for _, calls := range a.held.calls {
		for call := range calls {
			if !a.vouched(call.signer) {
				call.cancel(ErrRevoked)
			}
		}
	}
}

func (a *Authenticator) vouched(signer string) bool { return signer == "" || a.keys.has(signer) }

// byToken gives what ends the calls of each token of a ServiceAccount.
func (h *held) byToken() map[accountToken][]context.CancelCauseFunc {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[accountToken][]context.CancelCauseFunc{}
	for _, calls := range h.calls {
		for call := range calls {
			if call.token != nil {
				out[*call.token] = append(out[*call.token], call.cancel)
			}
		}
	}
	return out
}
