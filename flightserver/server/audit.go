package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/audit"
	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// login is the verb of what trades a password for a bearer.
const login auth.Verb = "login"

// auditing writes decisions to the audit log; the nil one has none.
type auditing struct {
	log    *audit.Log
	clock  clock.PassiveClock
	logger *slog.Logger
	failed prometheus.Counter
}

// openAudit opens the log of the settings, if they name one.
func (s *Server) openAudit(now clock.PassiveClock) error {
	if s.settings.AuditLog == "" {
		return nil
	}
	log, err := audit.Open(s.settings.AuditLog)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, log.Close)
	s.audit = &auditing{log: log, clock: now, logger: s.logger, failed: s.metrics.auditFailures}
	return nil
}

// decided writes what was decided about a call. A log that cannot be written
// keeps nobody from working: it is told by metric and log.
func (a *auditing) decided(ctx context.Context, verb auth.Verb, dataset string, refusal error) {
	if a == nil {
		return
	}
	c, caller := callFrom(ctx), auth.FromContext(ctx)
	r := audit.Record{
		Time: a.clock.Now().UTC().Truncate(time.Microsecond), ID: c.id, Who: caller.Name, Kind: string(caller.Kind), Credential: caller.Version,
		Role: string(caller.Role), Peer: peerAddress(ctx), Method: c.method, Dataset: dataset, Verb: string(verb), Decision: audit.Allow,
	}
	if refusal != nil {
		r.Decision, r.Reason = audit.Deny, auth.Reason(refusal)
		if errors.Is(refusal, errNotOperator) {
			r.Reason = "not_operator"
		}
	}
	if err := a.log.Write(r); err != nil {
		a.failed.Inc()
		a.logger.Error("decision not audited", "id", c.id, "error", err)
	}
}

// refused writes that a call was made by nobody known, or by somebody who may
// make none.
func (a *auditing) refused(ctx context.Context, err error) { a.decided(ctx, "", "", err) }
