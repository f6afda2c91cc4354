package server

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestInfluxDBProfile(t *testing.T) {
	s := testSettings(t)
	s.Profile = settings.ProfileInfluxDB
	reader, readerDigest := auth.NewToken("alice", settings.RoleReader)
	writer, writerDigest := auth.NewToken("bob", settings.RoleWriter)
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{readerDigest, writerDigest}})
	srv, _ := start(t, s)
	declare(t, srv, "nyc", rule(settings.AccessWrite, "bob"))
	client := connect(t, srv.URI(), nil, "")
	asReader, asWriter := withToken(t.Context(), reader), withToken(t.Context(), writer)
	get := func(ticket string) error { _, err := doGet(asReader, client, []byte(ticket)); return err }
	_, nobody := doGet(t.Context(), client, []byte("nyc"))
	_, unknown := doGet(withToken(t.Context(), "x"), client, []byte("nyc"))
	_, described := client.GetFlightInfo(asWriter, path("nyc"))
	_, put := doPut(asReader, client, upload{to: path("nyc"), schema: characters(t, "Arya").Schema()})
	_, info := client.GetFlightInfo(asReader, path("no\"where"))
	_, body := client.GetFlightInfo(asReader, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte(`{"x": 1}`)})
	_, action := act(asReader, client, "fly", "")
	for name, tc := range map[string]struct {
		err        error
		code       codes.Code
		text, info string
	}{
		"NoCredentials":   {nobody, codes.Unauthenticated, "unauthenticated", "NO_CREDENTIALS"},
		"UnknownToken":    {unknown, codes.Unauthenticated, "unauthenticated", "INVALID_TOKEN"},
		"MayNotRead":      {get("nyc"), codes.Unauthenticated, "read:nyc is unauthorized", "NOT_PERMITTED"},
		"MayNotDescribe":  {described, codes.Unauthenticated, "read:nyc is unauthorized", "NOT_PERMITTED"},
		"MayNotWrite":     {put, codes.Unauthenticated, "write:nyc is unauthorized", "NOT_PERMITTED"},
		"NoDataset":       {get("nowhere"), codes.InvalidArgument, `bucket "nowhere" not found`, "DATASET_NOT_FOUND"},
		"NoDatasetInInfo": {info, codes.InvalidArgument, `bucket "no\"where" not found`, "DATASET_NOT_FOUND"},
		"TamperedTicket":  {get(`{"ticket": "x"}`), codes.InvalidArgument, "Invalid ticket. Error: invalid ticket", "INVALID_TICKET"},
		"TicketOfSQL":     {get(`{"database": "nyc", "sql_query": "SELECT 1", "query_type": "sql"}`), codes.InvalidArgument, `Invalid ticket. Error: bad request: unknown key "database"`, "BAD_REQUEST"},
		"OwnWords":        {body, codes.InvalidArgument, `bad request: unknown key "x"`, "BAD_REQUEST"},
		"Unsupported":     {action, codes.Unimplemented, "not supported", "NOT_SUPPORTED"},
	} {
		t.Run(name, func(t *testing.T) {
			wantStatus(t, tc.err, tc.code, tc.text)
			if reason, _ := details(tc.err); reason != tc.info {
				t.Errorf("reason = %q, want %q", reason, tc.info)
			}
		})
	}
}
