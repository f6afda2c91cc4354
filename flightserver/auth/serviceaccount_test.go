package auth

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus/testutil"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	anAudience = "flight.test"
	aReport    = accountPrefix + "bi:report"
)

var anHour = time.Unix(1e9, 0) // when the clocks of these tests begin

// kubernetes vouches for every token that is not taken back.
type kubernetes struct {
	asked  atomic.Int32
	answer func(ctx context.Context, token string) (Review, error)
}

func (k *kubernetes) Review(ctx context.Context, token, audience string) (Review, error) {
	k.asked.Add(1)
	if k.answer != nil {
		return k.answer(ctx, token)
	}
	claims, _ := looksLikeAccount(token)
	return Review{Authenticated: true, Username: claims.Subject, Audiences: []string{audience}}, nil
}

func (k *kubernetes) refuse() {
	k.answer = func(context.Context, string) (Review, error) { return Review{}, nil }
}

func (k *kubernetes) fail() {
	k.answer = func(context.Context, string) (Review, error) { return Review{}, errors.New("connection refused") }
}

// aToken is one of bi/report that is good for an hour.
func aToken(id string, edit func(*jwt.RegisteredClaims)) string {
	claims := jwt.RegisteredClaims{
		ID: id, Subject: aReport, Audience: jwt.ClaimStrings{anAudience},
		IssuedAt: jwt.NewNumericDate(anHour), NotBefore: jwt.NewNumericDate(anHour), ExpiresAt: jwt.NewNumericDate(anHour.Add(time.Hour)),
	}
	if edit != nil {
		edit(&claims)
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("nobody here knows the key"))
	if err != nil {
		panic(err) // a key of bytes signs everything
	}
	return text
}

func bound(role settings.Role) *settings.ServiceAccounts {
	return &settings.ServiceAccounts{
		Audience: anAudience,
		Bindings: []settings.ServiceAccountBinding{{Namespace: "bi", Name: "report", Role: role}},
	}
}

func withAccounts(t testing.TB, k *kubernetes, now *testclock.FakeClock) *Authenticator {
	t.Helper()
	a := openAt(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), &settings.Credentials{ServiceAccounts: bound(settings.RoleWriter)}), now)
	a.reviews.reviewer = k
	return a
}

func (a *Authenticator) show(t *testing.T, peer, token string) (Identity, error) {
	t.Helper()
	id, bearer, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + token, Peer: peer})
	if bearer != "" {
		t.Error("a bearer is given for a token")
	}
	return id, err
}

func TestServiceAccounts(t *testing.T) {
	report := Credential{settings.SubjectServiceAccount, "bi/report", "id"}
	says := func(r Review, err error) func(context.Context, string) (Review, error) {
		return func(context.Context, string) (Review, error) { return r, err }
	}
	for name, tc := range map[string]struct {
		reason string
		edit   func(*jwt.RegisteredClaims)
		answer func(context.Context, string) (Review, error)
		want   Credential
		err    error
		why    string
		asked  int32
	}{
		"Good":           {want: report, asked: 1},
		"SeveralUses":    {edit: func(c *jwt.RegisteredClaims) { c.Audience = append(c.Audience, "other") }, want: report, asked: 1},
		"SkewedClock":    {reason: "the API server's clock counts", edit: func(c *jwt.RegisteredClaims) { c.NotBefore.Time = anHour.Add(4 * time.Minute) }, want: report, asked: 1},
		"OtherAudience":  {reason: "made for something else", edit: func(c *jwt.RegisteredClaims) { c.Audience[0] = "vault" }, err: ErrInvalidToken, why: "wrong_audience"},
		"NoAudience":     {reason: "as those in old Secrets", edit: func(c *jwt.RegisteredClaims) { c.Audience = nil }, err: ErrInvalidToken, why: "wrong_audience"},
		"NoEnd":          {reason: "as those in old Secrets", edit: func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }, err: ErrInvalidToken, why: "wrong_audience"},
		"Over":           {edit: func(c *jwt.RegisteredClaims) { c.ExpiresAt.Time = anHour.Add(-time.Hour) }, err: ErrInvalidToken, why: "wrong_audience"},
		"NoAccount":      {reason: "a person's token", edit: func(c *jwt.RegisteredClaims) { c.Subject = "ana" }, err: ErrInvalidToken, why: "bad_bearer"},
		"Forged":         {answer: says(Review{}, nil), err: ErrInvalidToken, why: "review_refused", asked: 1},
		"AudienceUnsaid": {reason: "an API server that knows no audiences", answer: says(Review{Authenticated: true, Username: aReport}, nil), err: ErrInvalidToken, why: "review_refused", asked: 1},
		"Another":        {reason: "the API server knows it by another name", answer: says(Review{true, accountPrefix + "bi:other", []string{anAudience}}, nil), err: ErrInvalidToken, why: "review_refused", asked: 1},
		"NoAnswer":       {answer: says(Review{}, context.DeadlineExceeded), err: ErrNoReview, why: "no_review", asked: 1},
		"Unbound": {
			reason: "somebody, who has no role", edit: func(c *jwt.RegisteredClaims) { c.Subject = accountPrefix + "bi:other" },
			want: Credential{settings.SubjectServiceAccount, "bi/other", "id"}, err: ErrForbidden, why: "not_permitted", asked: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kubernetes{answer: tc.answer}
			a := withAccounts(t, k, testclock.NewFakeClock(anHour))
			token := aToken("id", tc.edit)
			id, err := a.show(t, "", token)
			if id.Credential != tc.want || (id.Role == settings.RoleWriter) != (tc.err == nil) {
				t.Errorf("identity %+v, want %+v: %s", id, tc.want, tc.reason)
			}
			if !errors.Is(err, tc.err) || (err != nil && Reason(err) != tc.why) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want %v for %s: %s", err, tc.err, tc.why, tc.reason)
			}
			if n := k.asked.Load(); n != tc.asked {
				t.Errorf("the API server was asked %d times, want %d: %s", n, tc.asked, tc.reason)
			}
			if text := fmt.Sprintf("%+v %#v %v", id, id, err); strings.Contains(text, token) {
				t.Error("what is printed has the token")
			}
		})
	}
}

func TestServiceAccountsWithoutKubernetes(t *testing.T) {
	a := withAccounts(t, nil, testclock.NewFakeClock(anHour))
	a.reviews.reviewer = nil
	if _, err := a.show(t, "", aToken("id", nil)); !errors.Is(err, ErrNoReview) {
		t.Errorf("on a laptop: %v", err)
	}
	nobody := openAt(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), &settings.Credentials{}), a.clock)
	if _, err := nobody.show(t, "", aToken("id", nil)); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("by a file without ServiceAccounts: %v", err)
	}
}

func TestReviewsAreRemembered(t *testing.T) {
	soon := func(c *jwt.RegisteredClaims) { c.ExpiresAt.Time = anHour.Add(30 * time.Second) }
	for name, tc := range map[string]struct {
		reason string
		bad    bool
		edit   func(*jwt.RegisteredClaims)
		file   *settings.ServiceAccounts // afterwards; nil: as before
		later  time.Duration
		asked  int32
	}{
		"Good":          {later: reviewMemory - time.Second, asked: 1},
		"GoodForgotten": {later: reviewMemory + time.Second, asked: 2},
		"GoodToItsEnd":  {reason: "a token is not remembered beyond its time", edit: soon, later: 31 * time.Second, asked: 2},
		"Bad":           {bad: true, later: refusalMemory - time.Second, asked: 1},
		"BadForgotten":  {bad: true, later: refusalMemory + time.Second, asked: 2},
		"RoleChanged":   {reason: "what is remembered says nothing of roles", file: bound(settings.RoleReader), asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			k, now := &kubernetes{}, testclock.NewFakeClock(anHour)
			if tc.bad {
				k.refuse()
			}
			a := withAccounts(t, k, now)
			token := aToken("id", tc.edit)
			_, _ = a.show(t, "", token)
			if tc.file != nil {
				writeCredentials(t, a.path, &settings.Credentials{ServiceAccounts: tc.file})
				a.reload()
			}
			now.Step(tc.later)
			id, err := a.show(t, "", token)
			if (err != nil) != tc.bad || (tc.file != nil && id.Role != tc.file.Bindings[0].Role) {
				t.Errorf("the second time %+v, %v", id, err)
			}
			if n := k.asked.Load(); n != tc.asked {
				t.Errorf("the API server was asked %d times, want %d: %s", n, tc.asked, tc.reason)
			}
		})
	}
}

// An answer for one audience is none for another.
func TestReviewsAreOfAnAudience(t *testing.T) {
	k := &kubernetes{}
	a := withAccounts(t, k, testclock.NewFakeClock(anHour))
	token := aToken("id", func(c *jwt.RegisteredClaims) { c.Audience = append(c.Audience, "other.test") })
	if _, err := a.show(t, "", token); err != nil {
		t.Fatal(err)
	}
	k.refuse()
	other := bound(settings.RoleWriter)
	other.Audience = "other.test"
	writeCredentials(t, a.path, &settings.Credentials{ServiceAccounts: other})
	a.reload()
	if _, err := a.show(t, "", token); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("error = %v", err)
	}
}

// Many calls by one token are one review, and a call that ends does not end it
// for the others.
func TestReviewsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, answer := &kubernetes{}, make(chan struct{})
		k.answer = func(ctx context.Context, _ string) (Review, error) {
			select {
			case <-answer:
				return Review{true, aReport, []string{anAudience}}, nil
			case <-ctx.Done():
				return Review{}, ctx.Err()
			}
		}
		a := withAccounts(t, k, testclock.NewFakeClock(anHour))
		first, leave := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for i := range 20 {
			ctx := t.Context()
			if i == 0 {
				ctx = first
			}
			calls.Go(func() {
				if _, _, err := a.Authenticate(ctx, Evidence{Header: "Bearer " + aToken("id", nil)}); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		leave()
		close(answer)
		calls.Wait()
		if n := k.asked.Load(); n != 1 {
			t.Errorf("the API server was asked %d times", n)
		}
	})
}

// An API server that does not answer holds up those that need it, for a while,
// and nobody else.
func TestSlowReviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kubernetes{answer: func(ctx context.Context, _ string) (Review, error) {
			<-ctx.Done()
			return Review{}, ctx.Err()
		}}
		a := withAccounts(t, k, testclock.NewFakeClock(anHour))
		known, digest := NewToken("etl", settings.RoleReader)
		writeCredentials(t, a.path, &settings.Credentials{Tokens: []settings.Token{digest}, ServiceAccounts: bound(settings.RoleReader)})
		a.reload()
		var calls sync.WaitGroup
		var busy, unanswered atomic.Int32
		for i := range maxWaitingReviews + 10 {
			calls.Go(func() {
				switch _, err := a.show(t, "", aToken(fmt.Sprint(i), nil)); {
				case errors.Is(err, ErrBusy):
					busy.Add(1)
				case errors.Is(err, ErrNoReview):
					unanswered.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := k.asked.Load(); n != reviewsAtOnce {
			t.Errorf("%d reviews at once, want %d", n, reviewsAtOnce)
		}
		if _, err := a.show(t, "", known); err != nil {
			t.Errorf("a token of the file: %v", err)
		}
		began := time.Now()
		calls.Wait()
		if took := time.Since(began); took != reviewTimeout {
			t.Errorf("callers waited %s, want %s", took, reviewTimeout)
		}
		if busy.Load() != 10 || unanswered.Load() != maxWaitingReviews {
			t.Errorf("%d were told that too many wait, and %d that there is no answer", busy.Load(), unanswered.Load())
		}
	})
}

// Whoever makes tokens up is not what the API server works for.
func TestForgedTokensAreReviewedSeldom(t *testing.T) {
	const most = 5
	k := &kubernetes{}
	a := withAccounts(t, k, testclock.NewFakeClock(anHour))
	a.failures.perMinute = most
	good := aToken("good", nil)
	if _, err := a.show(t, "10.0.0.1:1", good); err != nil {
		t.Fatal(err)
	}
	k.refuse()
	for i := range 10 * most {
		_, _ = a.show(t, "10.0.0.1:1", aToken(fmt.Sprint(i), nil))
	}
	if n := k.asked.Load(); n != 1+most {
		t.Errorf("the API server was asked %d times, want once and %d times", n, most)
	}
	for name, tc := range map[string]struct {
		peer, token string
		want        error
	}{
		"Remembered":   {"10.0.0.1:2", good, nil},
		"Unseen":       {"10.0.0.1:2", aToken("unseen", nil), ErrTooManyFailures},
		"OtherMachine": {"10.0.0.2:2", aToken("unseen", nil), ErrInvalidToken},
	} {
		if _, err := a.show(t, tc.peer, tc.token); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if n := testutil.ToFloat64(a.metrics.reviews.WithLabelValues(reviewBad)); n != most+1 {
		t.Errorf("%v bad tokens are counted", n)
	}
}

// However many tokens are made up, the memory for them is bounded, and good ones
// stay in it.
func TestReviewsTakeBoundedMemory(t *testing.T) {
	k := &kubernetes{}
	a := withAccounts(t, k, testclock.NewFakeClock(anHour))
	good := aToken("good", nil)
	_, _ = a.show(t, "", good)
	k.refuse()
	for i := range maxRemembered + 10 {
		_, _ = a.show(t, "", aToken(fmt.Sprint(i), nil))
	}
	if n := len(a.reviews.bad.Keys()); n > maxRemembered {
		t.Errorf("%d bad tokens are remembered", n)
	}
	if _, err := a.show(t, "", good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// What is under way by a token ends when Kubernetes takes it back, or with its
// time.
func TestRecheck(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		then   func(*kubernetes)
		later  time.Duration
		want   error
	}{
		"Good":         {then: func(*kubernetes) {}, later: 30 * time.Minute},
		"TakenBack":    {then: (*kubernetes).refuse, want: ErrRevoked},
		"Over":         {then: (*kubernetes).refuse, later: time.Hour, want: ErrExpired},
		"NoAnswer":     {reason: "the API server may be away for a while", then: (*kubernetes).fail},
		"OverByItself": {reason: "nothing lasts longer than it says itself", then: (*kubernetes).fail, later: time.Hour, want: ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			k, now := &kubernetes{}, testclock.NewFakeClock(anHour)
			a := withAccounts(t, k, now)
			id, err := a.show(t, "", aToken("id", nil))
			if err != nil {
				t.Fatal(err)
			}
			first, release := a.Hold(t.Context(), id)
			defer release()
			second, release := a.Hold(t.Context(), id)
			defer release()
			other, release := a.Hold(t.Context(), Identity{Credential: id.Credential})
			defer release()
			tc.then(k)
			now.Step(tc.later)
			before := k.asked.Load()
			a.recheck(t.Context())
			if n := k.asked.Load() - before; n != 1 {
				t.Errorf("%d reviews of one token", n)
			}
			for _, ctx := range []context.Context{first, second} {
				if cause := context.Cause(ctx); !errors.Is(cause, tc.want) || (cause == nil) != (tc.want == nil) {
					t.Errorf("the call ended by %v, want %v: %s", cause, tc.want, tc.reason)
				}
			}
			if other.Err() != nil {
				t.Error("a call that another token made has ended")
			}
			if _, err := a.show(t, "", aToken("id", nil)); tc.want != nil && err == nil {
				t.Error("a new call by the token is taken")
			}
		})
	}
}

// Run rechecks by itself.
func TestRunRechecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, now := &kubernetes{}, testclock.NewFakeClock(anHour)
		a := withAccounts(t, k, now)
		id, err := a.show(t, "", aToken("id", nil))
		if err != nil {
			t.Fatal(err)
		}
		held, release := a.Hold(t.Context(), id)
		defer release()
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { a.recheckEach(ctx) })
		synctest.Wait()
		k.refuse()
		now.Step(reviewMemory)
		<-held.Done()
		stop()
		running.Wait()
	})
}

// Nobody gets in by a text that the API server does not vouch for, and no text
// does harm.
func FuzzServiceAccountToken(f *testing.F) {
	good := aToken("good", nil)
	k := &kubernetes{answer: func(_ context.Context, token string) (Review, error) {
		return Review{token == good, aReport, []string{anAudience}}, nil
	}}
	a := withAccounts(f, k, testclock.NewFakeClock(anHour))
	f.Add(good)
	f.Add(aToken("late", func(c *jwt.RegisteredClaims) { c.ExpiresAt.Time = time.Unix(1<<60, 0) }))
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6In0.")
	f.Fuzz(func(t *testing.T, text string) {
		id, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + text})
		if (err == nil) != (strings.TrimSpace(text) == good) {
			t.Errorf("%q is %+v, %v", text, id, err)
		}
	})
}
