package settings

import (
	"net"
	"net/url"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// validateHTTP holds links to data to the rules of the data port: who may read
// a link on its way may read the data.
func (s *ServerSettings) validateHTTP() field.ErrorList {
	if s.HTTPListen == "" {
		return nil
	}
	var errs field.ErrorList
	listen, advertise := field.NewPath("httpListen"), field.NewPath("httpAdvertise")
	if err := checkAddress(s.HTTPListen); err != nil {
		return field.ErrorList{field.Invalid(listen, s.HTTPListen, err.Error())}
	}
	if !s.Insecure && !isLoopback(s.HTTPListen) && (s.TLS == nil || s.AuthFile == "") {
		errs = append(errs, field.Invalid(listen, s.HTTPListen,
			"without both TLS and an auth file the server listens on loopback only; give them, or say insecure"))
	}
	if s.HTTPAdvertise == "" {
		if isEveryAddress(s.HTTPListen) {
			errs = append(errs, field.Required(advertise, "a server that listens on every address is told by none of them"))
		}
		return errs
	}
	u, err := url.Parse(s.HTTPAdvertise)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, field.Invalid(advertise, s.HTTPAdvertise, "must be a URL such as https://flight.example:8443"))
	}
	return errs
}

func isEveryAddress(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "" || (ip != nil && ip.IsUnspecified())
}
