package settings

import (
	"math"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestValidateLimits(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*Limits)
		want   string // part of the error; empty: valid
	}{
		"Default":           {reason: "The defaults hold.", edit: func(*Limits) {}},
		"NoStall":           {reason: "Zero switches it off.", edit: func(l *Limits) { l.Stall = metav1.Duration{} }},
		"NegativeBudget":    {reason: "No memory at all refuses every upload.", edit: func(l *Limits) { l.InFlight = resource.MustParse("-1") }, want: "limits.inFlight"},
		"MessageOverMax":    {reason: "The decoder takes no more.", edit: func(l *Limits) { l.Message = resource.MustParse("2Gi") }, want: "limits.message"},
		"HeadersForNothing": {reason: "A token and a trace need room.", edit: func(l *Limits) { l.Headers = resource.MustParse("1Ki") }, want: "limits.headers"},
		"NoConnections":     {reason: "Such a server serves nobody.", edit: func(l *Limits) { l.Connections = 0 }, want: "limits.connections"},
		"NoCalls":           {reason: "The same.", edit: func(l *Limits) { l.CallsPerIdentity = -1 }, want: "limits.callsPerIdentity"},
		"NotARate":          {reason: "NaN compares with nothing.", edit: func(l *Limits) { l.CallsPerSecond = math.NaN() }, want: "limits.callsPerSecond"},
		"ShortKeepalive":    {reason: "gRPC rounds up to a second and says so in no log.", edit: func(l *Limits) { l.Keepalive.Time.Duration = 1 }, want: "limits.keepalive.time"},
		"NegativeAge":       {reason: "gRPC would close every connection at once.", edit: func(l *Limits) { l.ConnectionAge.Duration = -1 }, want: "limits.connectionAge"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := DefaultLimits()
			tc.edit(&l)
			err := l.validate(field.NewPath("limits")).ToAggregate()
			if tc.want == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.reason, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q: %s", err, tc.want, tc.reason)
			}
		})
	}
}

func TestLimitsOfAFileStandOverTheDefaults(t *testing.T) {
	s, err := Parse([]byte("apiVersion: " + APIVersion + "\nkind: " + KindServerSettings + "\nlimits: {inFlight: 256Mi, keepalive: {time: 2m}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultLimits()
	want.InFlight = resource.MustParse("256Mi")
	want.Keepalive.Time.Duration *= 2
	if s.Limits.InFlight.Cmp(want.InFlight) != 0 || s.Limits.Keepalive != want.Keepalive || s.Limits.Calls != want.Calls {
		t.Errorf("limits = %+v", s.Limits)
	}
}
