package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// jsonObject is an object whose keys keep their order, which becomes the
// order of the columns.
type jsonObject struct {
	keys   []string
	values []any // nil, bool, string, json.Number, []any or jsonObject
}

var errNotObject = errors.New(`not a JSON object such as {"a": 1}`)

// parseJSONLine reads the one object that a line holds.
func parseJSONLine(line []byte) (jsonObject, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	v, err := decodeJSON(d)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return jsonObject{}, errors.New("the JSON object does not end on its line")
	}
	if err != nil {
		return jsonObject{}, err
	}
	o, ok := v.(jsonObject)
	if !ok {
		return jsonObject{}, errNotObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return jsonObject{}, fmt.Errorf("more than one JSON value on the line, from byte %d", d.InputOffset())
	}
	return o, nil
}

func decodeJSON(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return decodeObject(d)
	case json.Delim('['):
		return decodeList(d)
	}
	return t, nil
}

func decodeObject(d *json.Decoder) (jsonObject, error) {
	var o jsonObject
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return o, err
		}
		v, err := decodeJSON(d)
		if err != nil {
			return o, err
		}
		o.keys = append(o.keys, key.(string)) // the decoder lets nothing else be a key
		o.values = append(o.values, v)
	}
	_, err := d.Token() // the closing brace
	return o, err
}

func decodeList(d *json.Decoder) ([]any, error) {
	list := []any{}
	for d.More() {
		v, err := decodeJSON(d)
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	_, err := d.Token() // the closing bracket
	return list, err
}

// MarshalJSON writes the object in the order of its keys.
func (o jsonObject) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, key := range o.keys {
		if i > 0 {
			out = append(out, ',')
		}
		k, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(o.values[i])
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, k...), ':'), v...)
	}
	return append(out, '}'), nil
}

// jsonText is a value as a column of text holds it: a string as it is,
// anything else as JSON.
func jsonText(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
