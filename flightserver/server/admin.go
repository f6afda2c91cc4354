package server

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// adminService is Flight on the admin port: actions for the operator.
type adminService struct {
	flight.BaseFlightServer
	catalog *catalog.Catalog
	may     *permissions
	logger  *slog.Logger
	actions actions
	// revisions fills in which files are in force.
	revisions func(*settings.MemberStatus)
}

// operator authenticates the one caller of the admin port by the certificate
// that its connection was verified with.
func operator(ctx context.Context) (auth.Identity, error) {
	name := commonName(ctx)
	if name == "" {
		return auth.Identity{}, errNotOperator
	}
	if name != settings.OperatorCommonName {
		return auth.Identity{}, fmt.Errorf("%w, which is %q; this certificate is of %q", errNotOperator, settings.OperatorCommonName, name)
	}
	return auth.Identity{Credential: auth.Credential{Kind: auth.KindOperator, Name: name}, Role: settings.RoleAdmin}, nil
}

// commonName is that of the certificate that the call's connection was verified
// with; empty: it has none.
func commonName(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return ""
	}
	return info.State.VerifiedChains[0][0].Subject.CommonName
}

// ListActions lists the actions of the admin port.
func (s *adminService) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	return s.actions.list(stream, s.may)
}

// DoAction runs an action of the admin port.
func (s *adminService) DoAction(request *flight.Action, stream flight.FlightService_DoActionServer) error {
	return s.actions.do(request, stream, s.may)
}

// Handshake has nothing to trade: the certificate says it all.
func (s *adminService) Handshake(flight.FlightService_HandshakeServer) error {
	return unsupported("the admin port knows its caller by the client certificate")
}

func (s *adminService) adminActions() actions {
	return actions{
		{settings.ActionDeclareDataset, "Create a dataset or adopt the one that is there.", auth.Write, s.declareDataset},
		{settings.ActionDatasetStatus, "Tell about a dataset.", auth.Describe, s.datasetStatus},
		{settings.ActionDropDataset, "Delete a dataset.", auth.Drop, s.dropDataset},
		{settings.ActionHealth, "Tell about the server.", auth.Call, s.health},
	}
}

func (s *adminService) declareDataset(ctx context.Context, body []byte) ([][]byte, error) {
	var declaration settings.DatasetDeclaration
	if err := decodeBody(body, &declaration); err != nil {
		return nil, err
	}
	name := strings.Join(declaration.Path, "/")
	if err := s.may.check(ctx, auth.Write, name, ""); err != nil {
		return nil, err
	}
	if err := settings.ValidateAccess(field.NewPath("access"), declaration.Access).ToAggregate(); err != nil {
		return nil, badRequest("%w", err)
	}
	schema, err := declaredSchema(declaration.Schema)
	if err != nil {
		return nil, err
	}
	policy, err := policyOf(declaration)
	if err != nil {
		return nil, err
	}
	d, err := s.catalog.Declare(ctx, catalog.Declaration{
		Path: declaration.Path, Format: declaration.Format, Schema: schema, Access: declaration.Access, Policy: policy,
	})
	if err != nil {
		return nil, err
	}
	return s.statusResult(d)
}

func declaredSchema(text *settings.DatasetSchema) (*arrow.Schema, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // no schema is declared, the first upload brings it
	}
	return catalog.ParseSchema(text)
}

func (s *adminService) datasetStatus(ctx context.Context, body []byte) ([][]byte, error) {
	ref, err := s.permitted(ctx, auth.Describe, body)
	if err != nil {
		return nil, err
	}
	d, err := s.catalog.Dataset(ref.Dataset)
	if err != nil {
		return nil, err
	}
	if ref.ID != "" && ref.ID != d.ID {
		return nil, fmt.Errorf("%w: %q has the id %s, not %s", catalog.ErrDatasetNotFound, ref.Dataset, d.ID, ref.ID)
	}
	return s.statusResult(d)
}

func (s *adminService) dropDataset(ctx context.Context, body []byte) ([][]byte, error) {
	ref, err := s.permitted(ctx, auth.Drop, body)
	if err != nil {
		return nil, err
	}
	if err := s.catalog.Drop(ctx, ref.Dataset, ref.ID); err != nil {
		return nil, err
	}
	s.logger.Info("dataset dropped", "dataset", ref.Dataset, "id", callFrom(ctx).id)
	return nil, nil
}

func (s *adminService) health(context.Context, []byte) ([][]byte, error) {
	used, capacity, err := s.catalog.Usage()
	if err != nil {
		return nil, err
	}
	status := settings.MemberStatus{
		Version:       settings.Version,
		UsedBytes:     used,
		CapacityBytes: capacity,
		Datasets:      len(s.catalog.List("")),
	}
	s.revisions(&status)
	return jsonResult(status)
}

// permitted gives the dataset that a body names, once the caller may do this
// with it.
func (s *adminService) permitted(ctx context.Context, verb auth.Verb, body []byte) (settings.DatasetRef, error) {
	var ref settings.DatasetRef
	if err := decodeBody(body, &ref); err != nil {
		return ref, err
	}
	if _, err := requireDataset(ref.Dataset); err != nil {
		return ref, err
	}
	return ref, s.may.check(ctx, verb, ref.Dataset, ref.ID)
}

func (s *adminService) statusResult(d catalog.Dataset) ([][]byte, error) {
	storage, err := s.catalog.Storage(d.Name())
	if err != nil {
		return nil, err
	}
	status := settings.DatasetStatus{
		ID: d.ID, Path: d.Path, Format: d.Format, Version: d.Version, Rows: d.Rows, Bytes: d.Bytes, StoredBytes: storage.Bytes,
	}
	if storage.Damage != nil {
		status.Damage = shorten(storage.Damage.Error())
	}
	return jsonResult(status)
}
