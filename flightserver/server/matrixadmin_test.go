package server

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

// TestPermissionsOfTheAdminPort makes every call of the admin port as everybody:
// the operator alone is answered, whatever else a caller shows.
func TestPermissionsOfTheAdminPort(t *testing.T) {
	ca, another, dir := tlstest.NewCA(t), tlstest.NewCA(t), t.TempDir()
	leaf := ca.Issue(t, "server")
	s := testSettings(t)
	s.AdminListen = "127.0.0.1:0"
	s.AdminTLS = &settings.TLS{
		CertFile: writeFile(t, dir, settings.TLSCertFile, leaf.Cert), KeyFile: writeFile(t, dir, settings.TLSKeyFile, leaf.Key),
		ClientCAFile: writeFile(t, dir, settings.CAFile, ca.PEM),
	}
	token, digest := auth.NewToken("admin", settings.RoleAdmin)
	writeAuth(t, s, settings.Credentials{
		Tokens: []settings.Token{digest}, ClientCertificates: []settings.ClientCertificate{{CommonName: "loader", Role: settings.RoleAdmin}},
	})
	srv, _ := start(t, s)
	operator, loader := ca.Issue(t, settings.OperatorCommonName), ca.Issue(t, "loader")
	impostor := another.Issue(t, settings.OperatorCommonName)
	for name, who := range map[string]struct {
		pair *tlstest.Pair
		want codes.Code // OK: the call is answered
	}{
		"the operator":            {&operator, codes.OK},
		"no certificate":          {nil, codes.Unavailable},
		"of another authority":    {&impostor, codes.Unavailable},
		"an Admin by certificate": {&loader, codes.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			conn := must[*grpc.ClientConn](t)(grpc.NewClient(srv.AdminAddr().String(), grpc.WithTransportCredentials(credentials.NewTLS(ca.Client(t, who.pair)))))
			defer func() { _ = conn.Close() }()
			for service, info := range srv.admin.GetServiceInfo() {
				for _, method := range info.Methods {
					for _, ctx := range []context.Context{t.Context(), withToken(t.Context(), token)} {
						err := callEmpty(ctx, conn, "/"+service+"/"+method.Name, method)
						expectAdmitted(t, method.Name, err, who.want)
					}
				}
			}
		})
	}
}

// expectAdmitted takes every answer for one but those that tell who may call.
func expectAdmitted(t *testing.T, method string, err error, want codes.Code) {
	t.Helper()
	got := status.Code(err)
	if got != codes.PermissionDenied && got != codes.Unauthenticated && got != codes.Unavailable {
		got = codes.OK
	}
	if got != want {
		t.Errorf("%s: %v, want %v", method, err, want)
	}
}

// callEmpty calls a method of any kind with an empty message.
func callEmpty(ctx context.Context, conn *grpc.ClientConn, name string, method grpc.MethodInfo) error {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: method.IsClientStream, ServerStreams: method.IsServerStream}, name)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(&flight.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	err = endOf(func() (any, error) { return nil, stream.RecvMsg(&flight.Empty{}) })
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
