package rotation

import (
	"strings"
	"testing"
)

func TestNewText(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		text := newText()
		id, ok := keyID(text)
		if !ok || !strings.HasPrefix(text, "fl1_"+id+"_") || seen[id] {
			t.Fatalf("token %q with key %q, seen before: %t", text, id, seen[id])
		}
		seen[id] = true
	}
}

func TestKeyID(t *testing.T) {
	secret := strings.Repeat("A", 43)
	tests := map[string]struct {
		reason string
		text   string
		want   string
	}{
		"token":           {"what newText makes", "fl1_0123456789abcdef_" + secret, "0123456789abcdef"},
		"empty":           {"the Secret's key is missing", "", ""},
		"cut off":         {"half a token protects half as well", "fl1_0123456789abcdef_" + secret[1:], ""},
		"line at the end": {"somebody edited the Secret by hand", "fl1_0123456789abcdef_" + secret + "\n", ""},
		"other kind":      {"a token of somebody else's", "ghp_0123456789abcdef_" + secret, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := keyID(tc.text); got != tc.want || ok != (tc.want != "") {
				t.Errorf("%s: got %q, %t", tc.reason, got, ok)
			}
		})
	}
}
