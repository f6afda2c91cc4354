package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"google.golang.org/protobuf/proto"
)

// isObject says whether a body is meant as JSON. What is not may be a plain
// name.
func isObject(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) > 0 && body[0] == '{' && json.Valid(body)
}

// decodeBody decodes a JSON object; a key that is not known is refused by name.
func decodeBody(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badRequest("%s", jsonText(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("there is more behind the JSON object")
	}
	return nil
}

// datasetBody reads the dataset's name from {"dataset": NAME} or a plain name.
func datasetBody(body []byte) (string, error) {
	if !isObject(body) {
		return requireDataset(string(body))
	}
	var b struct {
		Dataset string `json:"dataset"`
	}
	if err := decodeBody(body, &b); err != nil {
		return "", err
	}
	return requireDataset(b.Dataset)
}

func requireDataset(name string) (string, error) {
	if name == "" {
		return "", badRequest(`name a dataset, as in {"dataset": "nyc/trips"}`)
	}
	return name, nil
}

func jsonText(err error) string {
	return strings.Replace(strings.TrimPrefix(err.Error(), "json: "), "unknown field", "unknown key", 1)
}

func jsonResult(v any) ([][]byte, error) {
	body, err := json.Marshal(v)
	return [][]byte{body}, err
}

// decodeProto reads the body of an action that Flight itself defines.
func decodeProto(body []byte, into proto.Message, name string) error {
	if err := proto.Unmarshal(body, into); err != nil {
		return badRequest("the body is no %s", name)
	}
	return nil
}

func protoResult(result proto.Message) ([][]byte, error) {
	body, err := proto.Marshal(result)
	return [][]byte{body}, err
}
