package server

import (
	"log/slog"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// A body is refused before anything is looked up: a caller who may do nothing
// comes as far as the permission, and no body makes it internal.
func FuzzActionBodies(f *testing.F) {
	for _, seed := range []string{"", "got", "{}", `{"dataset": "a", "mode": "append"}`, `{"from": "a", "to": "b"}`, `{"upload": ""}`, "\x08\x01\x1a\x01a"} {
		f.Add([]byte(seed))
	}
	names, err := catalog.Open(f.Context(), catalog.Options{Dir: f.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = names.Close() })
	s := &flightService{may: &permissions{catalog: names}}
	f.Fuzz(func(t *testing.T, body []byte) {
		ctx := auth.NewContext(t.Context(), auth.Identity{})
		all := append(s.datasetActions(), s.uploadActions()...)
		for _, each := range all {
			if each.name == "FinishParallelUpload" || each.name == "AbortParallelUpload" {
				continue // who may do these is known by the upload
			}
			results, err := each.run(ctx, body)
			code := status.Code(toStatus(err, "id"))
			if code != codes.InvalidArgument && code != codes.PermissionDenied && code != codes.Unimplemented {
				t.Errorf("%s of %q: %v, %v", each.name, body, results, err)
			}
		}
	})
}
