package secrets

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
	"github.com/flight-operator/flight-operator/test/process"
)

const user, password = "ana", "correct-horse-battery-staple"

// world is a server with one of each credential.
type world struct {
	t       *testing.T
	server  *process.Server
	ops     string // HOST:PORT
	config  *tls.Config
	client  flight.Client
	audit   string // file
	token   string
	secrets map[string]string
	told    map[string]string // what clients are told, by what they did
}

// Whatever callers do with credentials, right ones and wrong ones, in the right
// place and in a wrong one: none is in the log, the audit log, metrics, an
// answer, the process list, or in what a defect would write.
func TestNoSecretIsTold(t *testing.T) {
	w := newWorld(t)
	w.useRightly()
	w.useWrongly()
	outputs := map[string]string{
		"metrics":     w.fetch("http://" + w.ops + "/metrics"),
		"readiness":   w.fetch("http://" + w.ops + "/readyz"),
		"arguments":   read(t, fmt.Sprintf("/proc/%d/cmdline", w.server.PID())),
		"environment": read(t, fmt.Sprintf("/proc/%d/environ", w.server.PID())),
	}
	outputs["log and goroutines"] = w.server.Dump(t)
	outputs["audit log"] = read(t, w.audit)
	maps.Copy(outputs, w.told)
	for _, sign := range []string{"goroutine 1 ", "credentials loaded"} {
		if !strings.Contains(outputs["log and goroutines"], sign) {
			t.Errorf("the log has no %q: nothing is proved", sign)
		}
	}
	if !strings.Contains(outputs["audit log"], user) || !strings.Contains(outputs["metrics"], "wrong_password") {
		t.Error("nothing of what was done is in the audit log or the metrics: nothing is proved")
	}
	for where, content := range outputs {
		for name, secret := range w.secrets {
			if form := find(content, secret); form != "" {
				t.Errorf("%s is in %s, as %s:\n%s", name, where, form, content)
			}
		}
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ca, dir := tlstest.NewCA(t), t.TempDir()
	pair := ca.Issue(t, "server")
	key := settings.NewSigningKey()
	keys := settings.SigningKeys{APIVersion: settings.APIVersion, Kind: settings.KindSigningKeys, Keys: []settings.SigningKey{key}}
	signing, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, config: ca.Client(t, nil), audit: filepath.Join(dir, "audit.jsonl"), told: map[string]string{}}
	write := func(name string, content []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	authFile := filepath.Join(dir, "auth.yaml")
	token, err := auth.AddToken(authFile, "etl", settings.RoleWriter)
	if err := errors.Join(err, auth.SetUser(authFile, user, password, settings.RoleWriter)); err != nil {
		t.Fatal(err)
	}
	file := settings.Default()
	file.AuditLog, file.Limits.FailuresPerMinute = w.audit, 0
	content, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	w.ops = process.FreeAddress(t)
	w.server = process.Serve(t, process.Build(t), filepath.Join(dir, "data"), "--config", write("settings.yaml", content),
		"--ops-listen", w.ops, "--http-listen", "127.0.0.1:0", "--auth-file", authFile, "--signing-keys", write("signing.yaml", signing),
		"--tls-cert", write("tls.crt", pair.Cert), "--tls-key", write("tls.key", pair.Key))
	t.Cleanup(w.server.Kill)
	w.client = w.server.ConnectWith(t, credentials.NewTLS(w.config))
	t.Cleanup(func() { _ = w.client.Close() })
	w.secrets = map[string]string{
		"the token":       strings.SplitN(token, "_", 3)[2], // what is before it names the token
		"the password":    password,
		"the signing key": key.Key,
		"the private key": strings.Split(string(pair.Key), "\n")[1],
	}
	w.token = token
	return w
}

// useRightly reads and writes with a token and by a login, and follows a link.
func (w *world) useRightly() {
	w.t.Helper()
	withToken := metadata.AppendToOutgoingContext(w.t.Context(), "authorization", "Bearer "+w.token)
	if err := put(withToken, w.client); err != nil {
		w.t.Fatal(err)
	}
	ctx, err := w.client.AuthenticateBasicToken(w.t.Context(), user, password)
	if err != nil {
		w.t.Fatal(err)
	}
	sent, _ := metadata.FromOutgoingContext(ctx)
	bearer := strings.TrimPrefix(sent.Get("authorization")[0], "Bearer ")
	w.secrets["the bearer"] = bearer[strings.LastIndex(bearer, ".")+1:]
	if err := put(ctx, w.client); err != nil {
		w.t.Fatal(err)
	}
	info, err := w.client.GetFlightInfo(metadata.AppendToOutgoingContext(ctx, "x-flight-http-links", "1"), descriptor("d"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, location := range info.GetEndpoint()[0].GetLocation() {
		if link, ok := strings.CutPrefix(location.GetUri(), "https://"); ok {
			w.secrets["the link"] = link[strings.LastIndex(link, ".")+1:]
			w.fetch(location.GetUri())
			w.fetch(location.GetUri() + "x")
		}
	}
	if w.secrets["the link"] == "" {
		w.t.Fatal("there is no link")
	}
}

// useWrongly puts each secret where it does not belong.
func (w *world) useWrongly() {
	w.t.Helper()
	for name, secret := range maps.Clone(w.secrets) {
		basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
		for kind, header := range map[string]string{
			"as a bearer":           "Bearer " + secret,
			"as a token":            "Bearer fl1_0123456789ab_" + secret,
			"as half a token":       "Bearer fl1_" + secret,
			"as a JSON web token":   "Bearer e30." + secret + "." + secret,
			"without a scheme":      secret,
			"by another scheme":     "Token " + secret,
			"as a password":         basic(user + ":" + secret + "x"),
			"as a user":             basic(secret + ":x"),
			"as Basic that is none": "Basic " + secret,
			"as Basic without name": basic(secret),
		} {
			ctx := metadata.AppendToOutgoingContext(w.t.Context(), "authorization", header)
			_, err := w.client.GetSchema(ctx, descriptor("d"))
			w.note(name+" "+kind, err)
			stream, err := w.client.Handshake(ctx)
			if err == nil {
				_, err = stream.Recv()
			}
			w.note(name+" "+kind+" to log in", err)
		}
		w.misplace(name, secret)
	}
}

// misplace sends a secret as what is no credential. A name is told, as any is:
// whoever calls a dataset by a secret has it in the listing as well.
func (w *world) misplace(name, secret string) {
	w.t.Helper()
	ctx, err := w.client.AuthenticateBasicToken(w.t.Context(), user, password)
	if err != nil {
		w.t.Fatal(err)
	}
	stream, err := w.client.DoGet(ctx, &flight.Ticket{Ticket: []byte(`{"ticket": "e30.` + secret + "." + secret + `"}`)})
	if err == nil {
		_, err = stream.Recv()
	}
	w.note(name+" as a ticket", err)
	_, err = w.client.GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte(`{"columns": "` + secret)})
	w.note(name+" as a command", err)
	for _, action := range []string{"CancelFlightInfo", "RenewFlightEndpoint", "SetSessionOptions"} {
		actions, err := w.client.DoAction(ctx, &flight.Action{Type: action, Body: []byte("\x00" + secret)})
		if err == nil {
			_, err = actions.Recv()
		}
		w.note(name+" in the body of "+action, err)
	}
	_, err = w.client.GetSchema(metadata.AppendToOutgoingContext(ctx, "x-api-key", secret, "user-agent", secret), descriptor("none"))
	w.note(name+" in another header", err)
	opened := w.link()
	w.note(name+" in a URL", errors.New(w.fetch(opened+"?token="+url.QueryEscape(secret))))
	w.note(name+" as a link", errors.New(w.fetch(opened[:strings.LastIndex(opened, "/")+1]+url.PathEscape(secret))))
}

// link is one that is good.
func (w *world) link() string {
	w.t.Helper()
	ctx, err := w.client.AuthenticateBasicToken(w.t.Context(), user, password)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := w.client.GetFlightInfo(metadata.AppendToOutgoingContext(ctx, "x-flight-http-links", "1"), descriptor("d"))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.GetEndpoint()[0].GetLocation()[0].GetUri()
}

func (w *world) note(what string, err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		w.told["the answer to "+what] = err.Error()
	}
}

// fetch gives an answer's headers, and its body where that is no data.
func (w *world) fetch(address string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: w.config, DisableKeepAlives: true}}).Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(answer.Status, answer.Header, string(body))
}

// find tells the form in which a text holds a secret; empty: in none.
func find(text, secret string) string {
	raw := []byte(secret)
	forms := map[string]string{
		"it is":       secret,
		"hexadecimal": hex.EncodeToString(raw),
		"base64":      base64.RawStdEncoding.EncodeToString(raw),
		"base64 URL":  base64.RawURLEncoding.EncodeToString(raw),
		"URL":         url.QueryEscape(secret),
		"a Go string": strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"Go's bytes":  strings.Trim(fmt.Sprint(raw), "[]"),
	}
	if decoded, err := base64.StdEncoding.DecodeString(secret); err == nil {
		forms["what its base64 stands for"] = hex.EncodeToString(decoded)
	}
	for form, s := range forms {
		if strings.Contains(text, s) || strings.Contains(text, strings.ToUpper(s)) {
			return form
		}
	}
	return ""
}

// Help and wrong command lines name files, never what is in them.
func TestNoCommandTakesASecret(t *testing.T) {
	binary := process.Build(t)
	for _, command := range []string{"serve", "token", "user", "check"} {
		out, err := exec.CommandContext(t.Context(), binary, command, "--help").CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"--token ", "--password ", "--secret ", "--key "} {
			if bytes.Contains(out, []byte(flag)) {
				t.Errorf("%s has the flag %s: whoever lists processes reads what it is given", command, flag)
			}
		}
	}
}

func descriptor(name string) *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{name}}
}

func put(ctx context.Context, client flight.Client) error {
	stream, err := client.DoPut(ctx)
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(1)
	record := b.NewRecordBatch()
	defer record.Release()
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(record.Schema()))
	writer.SetFlightDescriptor(descriptor("d"))
	if err := errors.Join(writer.Write(record), writer.Close(), stream.CloseSend()); err != nil {
		return err
	}
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
