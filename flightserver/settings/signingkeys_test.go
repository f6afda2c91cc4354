package settings

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestParseSigningKeys(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("needle--", 4)))
	cases := map[string]struct {
		keys []SigningKey
		want string // in the error; empty: none
	}{
		"One":   {[]SigningKey{{ID: "a", Key: secret}}, ""},
		"Two":   {[]SigningKey{{ID: "b", Key: secret}, {ID: "a", Key: secret}}, ""},
		"None":  {nil, "keys: Required value"},
		"NoID":  {[]SigningKey{{Key: secret}}, "keys[0].id"},
		"Twice": {[]SigningKey{{ID: "a", Key: secret}, {ID: "a", Key: secret}}, "keys[1].id: Duplicate"},
		"Short": {[]SigningKey{{ID: "a", Key: secret[:20]}}, "at least 32 bytes"},
		"Text":  {[]SigningKey{{ID: "a", Key: "-" + secret}}, "must be base64"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			content, err := (&SigningKeys{Keys: tc.keys}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseSigningKeys(content)
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), secret[:20]) {
				t.Errorf("the error quotes a key: %v", err)
			}
		})
	}
}
