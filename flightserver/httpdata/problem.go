package httpdata

import (
	"encoding/json"
	"net/http"
)

// problem answers with a body of RFC 9457.
func problem(w http.ResponseWriter, code int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code)
	body, err := json.Marshal(problemBody{http.StatusText(code), code, detail})
	if err == nil {
		_, _ = w.Write(body) // nobody is left to tell of an error
	}
}

// problemBody is what a client reads of a fault.
type problemBody struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}
