package settings

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Limits bound what callers can ask of a server at one time. What goes beyond
// is refused with UNAVAILABLE and a hint when to try again; nothing waits for
// ever.
type Limits struct {
	// InFlight is the memory for data on its way between clients and disk; zero
	// is a quarter of the memory that the process may use.
	InFlight resource.Quantity `json:"inFlight,omitzero"`
	// Wait bounds how long a call waits for a part of that memory.
	Wait metav1.Duration `json:"wait"`
	// Message bounds a message that is received; zero is the smaller of 1 GiB
	// and InFlight.
	Message resource.Quantity `json:"message,omitzero"`
	// Upload bounds the data of one upload; zero is no bound.
	Upload resource.Quantity `json:"upload,omitzero"`
	// Headers bounds the headers of a call.
	Headers resource.Quantity `json:"headers"`

	Connections        int `json:"connections"`        // of the data port
	Calls              int `json:"calls"`              // at one time, in all
	CallsPerConnection int `json:"callsPerConnection"` // at one time
	CallsPerIdentity   int `json:"callsPerIdentity"`   // at one time
	// CallsPerSecond bounds how often an identity may call, after a burst of as
	// many; zero is no bound.
	CallsPerSecond float64 `json:"callsPerSecond,omitempty"`

	// FailuresPerMinute bounds the failed logins from one machine, after a burst
	// of as many; zero is no bound.
	FailuresPerMinute int `json:"failuresPerMinute"`

	// Stall ends a call whose client takes nothing, or sends no whole message,
	// for so long; zero never does.
	Stall metav1.Duration `json:"stall"`

	Keepalive Keepalive `json:"keepalive"`
	// ConnectionAge is how long a connection takes new calls, so that clients
	// come to know new servers and certificates; zero is for ever. Calls in
	// flight go on.
	ConnectionAge metav1.Duration `json:"connectionAge"`
	// ConnectionGrace ends the calls of a connection so long after its age;
	// zero never does.
	ConnectionGrace metav1.Duration `json:"connectionGrace,omitzero"`
}

// Keepalive finds connections whose peer is gone.
type Keepalive struct {
	Time    metav1.Duration `json:"time"`    // of silence, before the server asks
	Timeout metav1.Duration `json:"timeout"` // for the answer, before it closes
	// MinTime is how often a client may ask. One that asks more often is cut off.
	MinTime metav1.Duration `json:"minTime"`
}

// DefaultLimits suit a pod of one GiB and stay out of the way of one client on a
// laptop. Silence of a minute is shorter than what load balancers in front of
// clusters forgive, four minutes and more.
func DefaultLimits() Limits {
	return Limits{
		Wait:               metav1.Duration{Duration: 10 * time.Second},
		Headers:            resource.MustParse("64Ki"),
		Connections:        4096,
		Calls:              8192,
		CallsPerConnection: 1024,
		CallsPerIdentity:   4096,
		FailuresPerMinute:  60,
		Stall:              metav1.Duration{Duration: 5 * time.Minute},
		Keepalive: Keepalive{
			Time:    metav1.Duration{Duration: time.Minute},
			Timeout: metav1.Duration{Duration: 20 * time.Second},
			MinTime: metav1.Duration{Duration: 10 * time.Second}, // the least that gRPC's own clients ask for
		},
		ConnectionAge: metav1.Duration{Duration: time.Hour},
	}
}

func (l *Limits) validate(at *field.Path) field.ErrorList {
	return append(l.validateSizes(at), l.validateTimes(at)...)
}

func (l *Limits) validateSizes(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, q := range []struct {
		name        string
		value       resource.Quantity
		least, most int64
	}{
		{"inFlight", l.InFlight, 0, math.MaxInt64},
		{"message", l.Message, 0, 1 << 30},
		{"upload", l.Upload, 0, math.MaxInt64},
		{"headers", l.Headers, 4 << 10, 16 << 20},
	} {
		if v := q.value.Value(); v < q.least || v > q.most {
			errs = append(errs, field.Invalid(at.Child(q.name), q.value.String(), fmt.Sprintf("must be between %d and %d bytes", q.least, q.most)))
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"connections", l.Connections},
		{"calls", l.Calls},
		{"callsPerConnection", l.CallsPerConnection},
		{"callsPerIdentity", l.CallsPerIdentity},
	} {
		if n.value < 1 || n.value > math.MaxInt32 {
			errs = append(errs, field.Invalid(at.Child(n.name), n.value, fmt.Sprintf("must be between 1 and %d", math.MaxInt32)))
		}
	}
	if l.FailuresPerMinute < 0 {
		errs = append(errs, field.Invalid(at.Child("failuresPerMinute"), l.FailuresPerMinute, "must not be negative"))
	}
	if !(l.CallsPerSecond >= 0) || math.IsInf(l.CallsPerSecond, 0) {
		errs = append(errs, field.Invalid(at.Child("callsPerSecond"), l.CallsPerSecond, "must not be negative"))
	}
	return errs
}

func (l *Limits) validateTimes(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	keepalive := at.Child("keepalive")
	for _, d := range []struct {
		at    *field.Path
		value metav1.Duration
		least time.Duration
	}{
		{at.Child("wait"), l.Wait, 0},
		{at.Child("stall"), l.Stall, 0},
		{at.Child("connectionAge"), l.ConnectionAge, 0},
		{at.Child("connectionGrace"), l.ConnectionGrace, 0},
		// gRPC takes less than a second for one.
		{keepalive.Child("time"), l.Keepalive.Time, time.Second},
		{keepalive.Child("timeout"), l.Keepalive.Timeout, time.Second},
		{keepalive.Child("minTime"), l.Keepalive.MinTime, time.Second},
	} {
		if d.value.Duration < d.least {
			errs = append(errs, field.Invalid(d.at, d.value.Duration.String(), fmt.Sprintf("must be at least %s", d.least)))
		}
	}
	return errs
}
