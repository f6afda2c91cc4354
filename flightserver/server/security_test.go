package server

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

func TestRoles(t *testing.T) {
	s := testSettings(t)
	s.AuthFile = filepath.Join(t.TempDir(), "auth.yaml")
	reader := must[string](t)(auth.AddToken(s.AuthFile, "alice", settings.RoleReader))
	writer := must[string](t)(auth.AddToken(s.AuthFile, "bob", settings.RoleWriter))
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	ctx := t.Context()
	data := upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}
	must[[]string](t)(doPut(withToken(ctx, writer), client, data))
	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(withToken(ctx, reader), path("d")))
	ticket := info.GetEndpoint()[0].GetTicket().GetTicket()

	calls := map[string]struct {
		call   func(context.Context) error
		writes bool
	}{
		"ListFlights":   {call: func(ctx context.Context) error { _, err := list(ctx, client, ""); return err }},
		"GetFlightInfo": {call: func(ctx context.Context) error { _, err := client.GetFlightInfo(ctx, path("d")); return err }},
		"GetSchema":     {call: func(ctx context.Context) error { _, err := client.GetSchema(ctx, path("d")); return err }},
		"DoGet":         {call: func(ctx context.Context) error { _, err := doGet(ctx, client, ticket); return err }},
		"DoGetByName":   {call: func(ctx context.Context) error { _, err := doGet(ctx, client, []byte("d")); return err }},
		"Echo":          {call: func(ctx context.Context) error { _, err := act(ctx, client, "echo", ""); return err }},
		"DoPut":         {call: func(ctx context.Context) error { _, err := doPut(ctx, client, data); return err }, writes: true},
		"Drop":          {call: func(ctx context.Context) error { _, err := act(ctx, client, "drop_dataset", "d"); return err }, writes: true},
	}
	for name, tc := range calls {
		t.Run(name, func(t *testing.T) {
			wantStatus(t, tc.call(ctx), codes.Unauthenticated, "No credentials supplied")
			wantStatus(t, tc.call(withToken(ctx, "fl1_x_y")), codes.Unauthenticated, "Invalid token")
			if err := tc.call(withToken(ctx, reader)); tc.writes {
				wantStatus(t, err, codes.PermissionDenied, `on dataset "d"`)
			} else if err != nil {
				t.Errorf("a reader may: %v", err)
			}
		})
	}
	if _, err := act(withToken(ctx, writer), client, "drop_dataset", "d"); err != nil {
		t.Errorf("a writer may drop: %v", err)
	}
	_, err := act(withToken(ctx, reader), client, "drop_dataset", "nope")
	wantStatus(t, err, codes.PermissionDenied, `"nope"`) // and not whether it is there
}

func TestHealthNeedsNoToken(t *testing.T) {
	s := testSettings(t)
	s.AuthFile = filepath.Join(t.TempDir(), "auth.yaml")
	must[string](t)(auth.AddToken(s.AuthFile, "alice", settings.RoleReader))
	srv, _ := start(t, s)
	if got := checkHealth(t, srv); got != "SERVING" {
		t.Errorf("health = %s", got)
	}
}

// TestRotation replaces token, leaf and client CA under a client that works on.
func TestRotation(t *testing.T) {
	oldCA, newCA := tlstest.NewCA(t), tlstest.NewCA(t)
	serverCA := tlstest.NewCA(t)
	dir := mountedSecret(t)
	s := testSettings(t)
	s.TLS = &settings.TLS{
		CertFile:     filepath.Join(dir, settings.TLSCertFile),
		KeyFile:      filepath.Join(dir, settings.TLSKeyFile),
		ClientCAFile: filepath.Join(dir, settings.CAFile),
	}
	s.AuthFile = filepath.Join(dir, settings.CredentialsFile)
	oldToken, oldDigest := auth.NewToken("alice", settings.RoleWriter)
	newToken, newDigest := auth.NewToken("alice", settings.RoleWriter)
	oldLeaf, newLeaf := serverCA.Issue(t, "old"), serverCA.Issue(t, "new")
	swap(t, dir, oldLeaf, oldCA.PEM, oldDigest)
	srv, _ := start(t, s)

	oldClient, newClient := oldCA.Issue(t, "client"), newCA.Issue(t, "client")
	oldConfig, newConfig := serverCA.Client(t, &oldClient), serverCA.Client(t, &newClient)
	working := connect(t, srv.URI(), oldConfig, "")
	ctx := t.Context()
	must[[]string](t)(list(withToken(ctx, oldToken), working, ""))
	if _, err := list(withToken(ctx, oldToken), connect(t, srv.URI(), newConfig, ""), ""); status.Code(err) != codes.Unavailable {
		t.Errorf("a client of a CA that is not trusted yet: %v", err)
	}

	swap(t, dir, newLeaf, append(append([]byte{}, oldCA.PEM...), newCA.PEM...), oldDigest, newDigest)
	eventually(t, "both CAs and both tokens are good", func() bool {
		_, old := list(withToken(ctx, oldToken), working, "")
		_, now := list(withToken(ctx, newToken), connect(t, srv.URI(), newConfig, ""), "")
		return old == nil && now == nil
	})

	swap(t, dir, newLeaf, newCA.PEM, newDigest)
	eventually(t, "the old CA and the old token are gone", func() bool {
		_, token := list(withToken(ctx, oldToken), working, "")
		_, ca := list(withToken(ctx, newToken), connect(t, srv.URI(), oldConfig, ""), "")
		return status.Code(token) == codes.Unauthenticated && status.Code(ca) == codes.Unavailable
	})
	if _, err := list(withToken(ctx, newToken), working, ""); err != nil {
		t.Errorf("the connection that was there all the time: %v", err)
	}
	if got, want := srv.dataTLS.LeafRevision(), settings.Revision(newLeaf.Cert); got != want {
		t.Errorf("leaf = %s, want %s", got, want)
	}
}

// mountedSecret is a directory as the kubelet lays it out.
func mountedSecret(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range []string{settings.TLSCertFile, settings.TLSKeyFile, settings.CAFile, settings.CredentialsFile} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// swap replaces all files of a mounted secret at once.
func swap(t *testing.T, dir string, leaf tlstest.Pair, ca []byte, digests ...settings.Token) {
	t.Helper()
	credentials := must[[]byte](t)((&settings.Credentials{Tokens: digests}).Marshal())
	version := filepath.Join(dir, ".."+settings.Revision(credentials))
	if err := os.Mkdir(version, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{
		settings.TLSCertFile:     leaf.Cert,
		settings.TLSKeyFile:      leaf.Key,
		settings.CAFile:          ca,
		settings.CredentialsFile: credentials,
	} {
		if err := os.WriteFile(filepath.Join(version, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(version), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Errorf("never seen: %s", what)
}

func TestAdminPort(t *testing.T) {
	ca, dir := tlstest.NewCA(t), t.TempDir()
	leaf := ca.Issue(t, "server")
	s := testSettings(t)
	s.AdminListen = "127.0.0.1:0"
	s.AdminTLS = &settings.TLS{
		CertFile:     writeFile(t, dir, settings.TLSCertFile, leaf.Cert),
		KeyFile:      writeFile(t, dir, settings.TLSKeyFile, leaf.Key),
		ClientCAFile: writeFile(t, dir, settings.CAFile, ca.PEM),
	}
	srv, _ := start(t, s)
	operatorPair, strangerPair := ca.Issue(t, settings.OperatorCommonName), ca.Issue(t, "stranger")
	uri := "grpc+tls://" + srv.AdminAddr().String()
	operator := connect(t, uri, ca.Client(t, &operatorPair), "")
	ctx := t.Context()

	stranger := connect(t, uri, ca.Client(t, &strangerPair), "")
	for _, each := range (&adminService{}).adminActions() {
		_, err := act(ctx, stranger, each.name, "")
		wantStatus(t, err, codes.PermissionDenied, `"stranger"`)
	}
	_, err := act(ctx, connect(t, uri, ca.Client(t, nil), ""), settings.ActionHealth, "")
	wantStatus(t, err, codes.Unavailable, "")
	_, err = list(ctx, operator, "")
	wantStatus(t, err, codes.Unimplemented, "")

	declaration := `{"path": ["nyc", "trips"], "format": "Arrow", "schema": {"fields": [{"name": "n", "type": "int64", "nullable": false}]}, "compression": "ZSTD", "retention": {"versions": 3}}`
	declared := must[[]string](t)(act(ctx, operator, settings.ActionDeclareDataset, declaration))
	again := must[[]string](t)(act(ctx, operator, settings.ActionDeclareDataset, declaration))
	seen := must[[]string](t)(act(ctx, operator, settings.ActionDatasetStatus, `{"dataset": "nyc/trips"}`))
	if declared[0] != again[0] || declared[0] != seen[0] || !strings.Contains(seen[0], `"version":0`) {
		t.Errorf("declared %s, again %s, seen %s", declared, again, seen)
	}
	for name, tc := range map[string]struct {
		action, body string
		code         codes.Code
		text         string
	}{
		"UnknownKey":     {settings.ActionDeclareDataset, `{"pfad": []}`, codes.InvalidArgument, `unknown key "pfad"`},
		"UnknownType":    {settings.ActionDeclareDataset, `{"path": ["x"], "schema": {"fields": [{"name": "n", "type": "int65"}]}}`, codes.InvalidArgument, "int65"},
		"UnknownFormat":  {settings.ActionDeclareDataset, `{"path": ["x"], "format": "CSV"}`, codes.InvalidArgument, "neither Arrow nor Parquet"},
		"UnknownCodec":   {settings.ActionDeclareDataset, `{"path": ["x"], "compression": "gzip"}`, codes.InvalidArgument, "none of None, LZ4 and ZSTD"},
		"CodecOfParquet": {settings.ActionDeclareDataset, `{"path": ["x.parquet"], "compression": "LZ4"}`, codes.InvalidArgument, "always compressed"},
		"UnknownName":    {settings.ActionDatasetStatus, `{"dataset": "nope"}`, codes.NotFound, "nope"},
		"OtherID":        {settings.ActionDatasetStatus, `{"dataset": "nyc/trips", "id": "0"}`, codes.NotFound, "nyc/trips"},
		"DropsOtherID":   {settings.ActionDropDataset, `{"dataset": "nyc/trips", "id": "0"}`, codes.NotFound, "nyc/trips"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := act(ctx, operator, tc.action, tc.body)
			wantStatus(t, err, tc.code, tc.text)
		})
	}
	health := must[[]string](t)(act(ctx, operator, settings.ActionHealth, ""))
	if !strings.Contains(health[0], `"datasets":1`) {
		t.Errorf("health = %s", health)
	}
	must[[]string](t)(act(ctx, operator, settings.ActionDropDataset, `{"dataset": "nyc/trips"}`))
}

func TestPortsRefuseWeakTLS(t *testing.T) {
	ca, dir := tlstest.NewCA(t), t.TempDir()
	leaf := ca.Issue(t, "server")
	s := testSettings(t)
	s.TLS = &settings.TLS{
		CertFile: writeFile(t, dir, settings.TLSCertFile, leaf.Cert),
		KeyFile:  writeFile(t, dir, settings.TLSKeyFile, leaf.Key),
	}
	s.AdminListen, s.HTTPListen = "127.0.0.1:0", "127.0.0.1:0"
	s.AdminTLS = &settings.TLS{CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile, ClientCAFile: writeFile(t, dir, settings.CAFile, ca.PEM)}
	srv, _ := start(t, s)
	operator := ca.Issue(t, settings.OperatorCommonName)
	for port, address := range map[string]string{
		"data": srv.dataListener.Addr().String(), "admin": srv.AdminAddr().String(), "HTTP": srv.HTTPAddr().String(),
	} {
		t.Run(port, func(t *testing.T) { tlstest.ExpectStrong(t, address, ca.Client(t, &operator)) })
	}
}

func writeFile(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
