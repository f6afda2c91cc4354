//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// mountInterval is how often the Secrets are read, as a kubelet does for a pod.
const mountInterval = 2 * time.Second

// mount keeps files as the Secrets of a cluster's tokens are.
type mount struct {
	folder string
	cr     *v1alpha1.FlightCluster

	mu    sync.Mutex
	texts map[string]map[string]bool // that each token had
	ca    []byte
}

func startMount(t *testing.T, cr *v1alpha1.FlightCluster) *mount {
	t.Helper()
	m := &mount{folder: t.TempDir(), cr: cr, texts: map[string]map[string]bool{}}
	if err := m.update(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { m.follow(ctx, t) })
	t.Cleanup(func() {
		cancel()
		wait.Wait()
	})
	return m
}

func (m *mount) follow(ctx context.Context, t *testing.T) {
	t.Helper()
	tick := time.NewTicker(mountInterval)
	defer tick.Stop()
	for last := time.Now(); ; last = time.Now() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := m.update(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("reading the Secrets of tokens: %v", err)
		}
		if gap := time.Since(last); gap > overlap {
			t.Errorf("this process, or the API server, stood still for %s: clients could not learn of changes within %s", gap, overlap)
		}
	}
}

func (m *mount) update(ctx context.Context) error {
	for _, token := range m.cr.Spec.Auth.Tokens {
		secret := &corev1.Secret{}
		if err := api.Get(ctx, client.ObjectKey{Namespace: m.cr.Namespace, Name: m.cr.Name + "-token-" + token.Name}, secret); err != nil {
			return err
		}
		for key, value := range secret.Data {
			if err := replaceFile(filepath.Join(m.folder, token.Name, key), value); err != nil {
				return err
			}
		}
		m.note(token.Name, secret)
	}
	return nil
}

func (m *mount) note(token string, secret *corev1.Secret) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.texts[token] == nil {
		m.texts[token] = map[string]bool{}
	}
	m.texts[token][string(secret.Data["token"])] = true
	m.ca = secret.Data["ca.crt"]
}

// tokens counts the texts that a token had so far.
func (m *mount) tokens(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.texts[name])
}

// roots are the fingerprints of what clients trust now.
func (m *mount) roots() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var roots []string
	for block, rest := pem.Decode(m.ca); block != nil; block, rest = pem.Decode(rest) {
		sum := sha256.Sum256(block.Bytes)
		roots = append(roots, hex.EncodeToString(sum[:8]))
	}
	return roots
}

// replaceFile lets a reader see the old content or the new, never half of it.
func replaceFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
