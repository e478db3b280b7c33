package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// seen is what the server says of a token.
type seen struct {
	account string    // that it takes the token for; empty when it did not say
	expires time.Time // by this machine's clock; zero when it is not known
}

// check shows a token to the server (GET /auth/validate), which says whose it is, or refuses it (isRefusal).
func (s *session) check(ctx context.Context, token rucio.Secret, retries int) (seen, error) {
	got, err := s.getWith(ctx, "/auth/validate", http.Header{"X-Rucio-Auth-Token": {token.Reveal()}}, retries)
	if err != nil {
		return seen{}, err
	}
	answer := s.readValidation(got)
	if answer.expires.IsZero() {
		answer.expires = s.localTime(jwtExpiry(token.Reveal()))
	}
	return answer, nil
}

// isRefusal tells an answer to a token that is no good: 401, or 500 with this exception (Rucio 41).
func isRefusal(err error) bool { return errors.Is(err, rucio.ErrCannotAuthenticate) }

// isMissing tells that a server does not have a path.
func isMissing(err error) bool {
	var e *rucio.Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed)
}

var (
	validAccount = regexp.MustCompile(`'account': '([^']*)'`)
	validUntil   = regexp.MustCompile(`'lifetime': datetime\.datetime\((\d+), (\d+), (\d+), (\d+), (\d+)(?:, (\d+))?`)
)

// readValidation reads the answer of /auth/validate, which is a Python dictionary in text.
func (s *session) readValidation(got *answer) (v seen) {
	if found := validAccount.FindSubmatch(got.body); found != nil {
		v.account = string(found[1])
	}
	if found := validUntil.FindSubmatch(got.body); found != nil {
		var n [6]int
		for i := range n {
			n[i], _ = strconv.Atoi(string(found[i+1])) // of digits; the seconds may be missing
		}
		v.expires = s.localTime(time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC))
	}
	return v
}

// clockTolerance is by how much clocks may differ before anybody hears of it.
const clockTolerance = 30 * time.Second

// clockDifference returns by how much the server's clock is ahead of this machine's; zero when that is little.
func (s *session) clockDifference() time.Duration {
	if skew := time.Duration(s.skew.Load()); skew.Abs() > clockTolerance {
		return skew
	}
	return 0
}

// localTime returns a time that somebody else's clock gave by this machine's clock.
func (s *session) localTime(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(-s.clockDifference())
}

// held returns the token that is there before any login: the one of Options.Token, or else the cache's. Nothing when there is
// none, or when the server does not take it. The server is asked here, and not by whichever call comes first: so a run does
// not go on as another account than the one that is set, a refusal is no failed call, and when the token ends is known, which
// its text does not tell.
func (s *Source) held(ctx context.Context) (grant, error) {
	opts := s.session.opts
	token, given := opts.Token, opts.Token.IsSet()
	if !given && s.cache != nil {
		token = rucio.Secret(s.cache.read(opts.Account, s.method.identity))
	}
	if !token.IsSet() {
		return grant{}, nil
	}
	expires := jwtExpiry(token.Reveal())
	if !opts.Unchecked {
		seen, err := s.session.check(ctx, token, 0)
		switch {
		case errors.Is(err, Cancelled):
			return grant{}, err
		case isRefusal(err):
			opts.Log.Debug("the server does not take the token that is there", "error", err)
			return grant{}, nil
		case isMissing(err):
			opts.Log.Debug("the server cannot tell what it thinks of a token", "error", err)
		case err != nil: // the calls need not go there
			opts.Log.Warn("the token that is there is used unchecked, and it cannot be replaced now", "error", err)
		case opts.Account != "" && seen.account != "" && seen.account != opts.Account:
			return grant{}, s.othersToken(seen.account)
		default:
			expires = seen.expires
		}
	}
	g := newGrant(token, opts.Now(), expires)
	if opts.Type == "token" {
		g.renewAt = expires // there is no other
	}
	return g, nil
}

// othersToken is the error for a token that is there and that the server takes for another account; nil when a login may get
// a better one.
func (s *Source) othersToken(account string) error {
	opts := s.session.opts
	if opts.Type != "token" {
		opts.Log.Warn("the token that is there is not used: it is for another account", "its account", account, "account", opts.Account)
		return nil
	}
	return &Error{Kind: UnknownAccount, Problem: fmt.Sprintf("the token that was given is for account %s, not %s", account, opts.Account),
		Advice: advise("account", "to "+account) + "; or get a token for " + opts.Account}
}
