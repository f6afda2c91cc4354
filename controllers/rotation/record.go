package rotation

import (
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Record is what the operator remembers of a cluster's tokens and users. It is
// stored before anything that follows from it.
type Record struct {
	Tokens []Token `json:"tokens,omitempty"`
	Users  []User  `json:"users,omitempty"`
}

// Request is what somebody asks for a token by an annotation.
type Request string

// Requests.
const (
	Rotate Request = "Rotate" // with an overlap
	Revoke Request = "Revoke" // without
)

// Token is one token of the spec with its keys, oldest first.
type Token struct {
	Name string `json:"name"`
	// Asked is not done yet. It is stored before the annotation is removed, and
	// done after that, so that it is done once.
	Asked Request `json:"asked,omitempty"`
	Keys  []Key   `json:"keys,omitempty"`
}

// Key is one text of a token. Zero times are states that it has not reached.
type Key struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
	// Text is forgotten when the key is superseded. A key that was found in the
	// servers' Secret alone has none either.
	Text       string    `json:"text,omitempty"`
	Published  time.Time `json:"published,omitzero"`
	Handed     time.Time `json:"handed,omitzero"`
	Superseded time.Time `json:"superseded,omitzero"`
}

// ParseRecord decodes what Marshal made. What cannot be read is no record, and
// Next finds in other Secrets what can be found.
func ParseRecord(stored []byte) Record {
	var r Record
	if err := yaml.UnmarshalStrict(stored, &r); err != nil {
		return Record{}
	}
	return r
}

// Marshal gives the same bytes for the same record.
func (r Record) Marshal() ([]byte, error) { return yaml.Marshal(r) }

// Clone gives a record that shares nothing with r.
func (r Record) Clone() Record {
	out := Record{Tokens: slices.Clone(r.Tokens), Users: slices.Clone(r.Users)}
	for i := range out.Tokens {
		out.Tokens[i].Keys = slices.Clone(out.Tokens[i].Keys)
	}
	return out
}

// Digests is what servers should accept for a token.
func (r Record) Digests(name string, role settings.Role) []settings.Token {
	var out []settings.Token
	if t := r.token(name); t != nil {
		for _, k := range t.Keys {
			out = append(out, settings.Token{Name: name, KeyID: k.ID, SHA256: k.SHA256, Role: role})
		}
	}
	return out
}

// Text is what the consumer's Secret of a token should hold; empty: what it
// holds now, since no member may know another yet.
func (r Record) Text(name string) string {
	if t := r.token(name); t != nil {
		if k := t.current(); k != nil {
			return k.Text
		}
	}
	return ""
}

// Ask notes a request for a token of the spec, also for one that the record has
// lost: servers may still accept it. A request to revoke outdoes one to rotate.
func (r Record) Ask(name string, request Request) Record {
	out := r.Clone()
	t := out.token(name)
	if t == nil {
		out.Tokens = append(out.Tokens, Token{Name: name})
		t = &out.Tokens[len(out.Tokens)-1]
	}
	if t.Asked != Revoke {
		t.Asked = request
	}
	return out
}

func (r Record) token(name string) *Token {
	for i := range r.Tokens {
		if r.Tokens[i].Name == name {
			return &r.Tokens[i]
		}
	}
	return nil
}

// current is the key whose text the consumer's Secret should hold.
func (t *Token) current() *Key {
	for i := len(t.Keys) - 1; i >= 0; i-- {
		if k := &t.Keys[i]; !k.Handed.IsZero() && k.Superseded.IsZero() && k.Text != "" {
			return k
		}
	}
	return nil
}

// pending is the key that is on its way to the members.
func (t *Token) pending() *Key {
	for i := len(t.Keys) - 1; i >= 0; i-- {
		if k := &t.Keys[i]; k.Handed.IsZero() {
			return k
		}
	}
	return nil
}

// make adds a key.
func (t *Token) make() *Key {
	text := newText()
	id, _ := keyID(text)
	t.Keys = append(t.Keys, Key{ID: id, SHA256: digest(text), Text: text})
	return &t.Keys[len(t.Keys)-1]
}
