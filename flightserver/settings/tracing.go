package settings

import (
	"net/url"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Tracing says where spans go: to an OTLP collector, over gRPC.
type Tracing struct {
	Endpoint string `json:"endpoint"` // URL, such as http://collector.observability:4317; https: with TLS
	// SampleRatio of the traces that begin here, 0 to 1. A client that brings a
	// trace along decides for itself. Nil is all of them.
	SampleRatio *float64 `json:"sampleRatio,omitempty"`
}

func (t *Tracing) validate(at *field.Path) field.ErrorList {
	if t == nil {
		return nil
	}
	var errs field.ErrorList
	u, err := url.Parse(t.Endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		errs = append(errs, field.Invalid(at.Child("endpoint"), t.Endpoint, "must be a URL such as http://collector.observability:4317"))
	}
	if r := t.SampleRatio; r != nil && !(*r >= 0 && *r <= 1) {
		errs = append(errs, field.Invalid(at.Child("sampleRatio"), *r, "must be between 0 and 1"))
	}
	return errs
}
