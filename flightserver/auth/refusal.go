package auth

import (
	"errors"
	"fmt"
)

// Why a token is refused. Its sender is told no more than that it is invalid:
// the log and the metric have the rest.
var (
	errUnknownToken = fmt.Errorf("%w: no such token", ErrInvalidToken)
	errTokenEarly   = fmt.Errorf("%w: its notBefore is to come", ErrInvalidToken)
	errTokenExpired = fmt.Errorf("%w: its notAfter has passed", ErrInvalidToken)
	errAudience     = fmt.Errorf("%w: of a ServiceAccount, and made for something else or over", ErrInvalidToken)
	errReview       = fmt.Errorf("%w: of a ServiceAccount, and Kubernetes does not vouch for it", ErrInvalidToken)
	errBadBearer    = fmt.Errorf("%w: neither a token nor a bearer that is good", ErrInvalidToken)
)

// reasons name failures in metrics and in the audit log, the particular before
// the general.
var reasons = []struct {
	err    error
	reason string
}{
	{ErrNoCredentials, "no_credentials"},
	{errUnknownToken, "unknown_token"},
	{errTokenEarly, "token_not_yet_valid"},
	{errTokenExpired, "token_expired"},
	{errAudience, "wrong_audience"},
	{errReview, "review_refused"},
	{errBadBearer, "bad_bearer"},
	{ErrInvalidToken, "not_a_token"},
	{ErrInvalidPassword, "wrong_password"},
	{ErrTooManyFailures, "too_many_failures"},
	{ErrBusy, "busy"},
	{ErrNoReview, "no_review"},
	{ErrExpired, "expired"},
	{ErrRevoked, "revoked"},
	{ErrForbidden, "not_permitted"},
}

// Reason names why somebody was refused, in one word.
func Reason(err error) string {
	for _, each := range reasons {
		if errors.Is(err, each.err) {
			return each.reason
		}
	}
	return "other"
}
