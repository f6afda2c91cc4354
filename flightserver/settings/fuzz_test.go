package settings

import (
	"reflect"
	"testing"
)

// FuzzParse looks for a file that is taken, and is another once it is written
// again: the operator and the server would disagree on what it says.
func FuzzParse(f *testing.F) {
	whole, err := Default().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte("apiVersion: " + APIVersion + "\nkind: " + KindServerSettings + "\ndataDir: /data\ntls: {certFile: a, keyFile: b}\n"))
	f.Add([]byte(`{"listen": "0.0.0.0:8815", "drainTimeout": "-1s", "unknown": 1}`))
	f.Add([]byte("a: &a [*a, *a]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := Parse(content)
		if err != nil || s.Validate() != nil {
			return
		}
		written, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v is written as %s and read as %+v, %v", s, written, again, err)
		}
	})
}

// FuzzParseCredentials looks for digests that are taken and give nobody access,
// or somebody else.
func FuzzParseCredentials(f *testing.F) {
	digest := "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	c := Credentials{Anonymous: RoleReader, Tokens: []Token{{Name: "n", KeyID: "k", SHA256: digest, Role: RoleAdmin}}}
	whole, err := c.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(append(whole, whole...))
	f.Add([]byte("apiVersion: " + APIVersion + "\nkind: " + KindCredentials + "\nanonymous: Owner\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := ParseCredentials(content)
		if err != nil {
			return
		}
		keys := map[string]bool{}
		for _, token := range c.Tokens {
			if keys[token.KeyID] || len(token.SHA256) != len(digest) {
				t.Errorf("%+v is taken", token)
			}
			keys[token.KeyID] = true
		}
		written, err := c.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseCredentials(written); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v is written as %s and read as %+v, %v", c, written, again, err)
		}
	})
}
