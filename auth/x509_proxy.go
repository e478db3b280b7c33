package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
)

const (
	proxyMargin = time.Hour   // a proxy is replaced when it has less left, or a quarter of its life
	proxyPause  = time.Minute // between attempts, while the old one is still good
)

// proxyMaker makes proxies of a certificate, with the attributes of VOs, and keeps them in a file.
type proxyMaker struct {
	of       *keyPair
	opts     IdentityOptions
	requests []voms.Request
	path     string // the proxy's file

	turn chan struct{} // holds one element; who takes it may make a proxy

	mu      sync.Mutex
	made    *credential
	renewAt time.Time
	file    string // path, once the proxy is there
}

func newProxyMaker(of *keyPair, opts IdentityOptions) (*proxyMaker, error) {
	m := &proxyMaker{of: of, opts: opts, path: opts.Proxy, turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	if m.path == "" {
		m.path = opts.DefaultProxy
	}
	if opts.Lifetime == 0 {
		m.opts.Lifetime = voms.Lifetime
	}
	if opts.VOMS == "" {
		return m, nil
	}
	var err error
	if m.requests, err = voms.ParseRequests(opts.VOMS, m.opts.Lifetime); err != nil {
		return nil, &Error{Kind: Config, Attempt: "read VOMS", Problem: err.Error(), Err: err,
			Advice: "set VOMS to a VO such as atlas, or to VO:/VO/Role=role"}
	}
	return m, nil
}

// current returns a proxy that is good for a while: the last one, or one that is in the file already, or a new one. One
// caller at a time makes it. When that fails, the last one is used to its end.
func (m *proxyMaker) current(ctx context.Context) (*credential, error) {
	if c := m.fresh(); c != nil {
		return c, nil
	}
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.end()
	if c := m.fresh(); c != nil {
		return c, nil
	}
	if m.last() == nil {
		if c := m.stored(); c != nil {
			m.set(c, m.path)
			return c, nil
		}
	}
	c, err := m.make(ctx)
	if last := m.last(); err != nil && last != nil && m.opts.Now().Before(last.ends()) {
		m.opts.Log.Warn("cannot make a new proxy yet, using the old one until it ends", "error", err, "ends", last.ends())
		m.putOff()
		return last, nil
	}
	return c, err
}

// renew makes a proxy, whatever there is.
func (m *proxyMaker) renew(ctx context.Context) (*Proxy, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.end()
	c, err := m.make(ctx)
	if err != nil {
		return nil, err
	}
	return describe(c, m.written(), m.opts.Grid, m.opts.Now())
}

func (m *proxyMaker) begin(ctx context.Context) error {
	select {
	case <-m.turn:
		return nil
	case <-ctx.Done():
		return connectionError(ctx, "", context.Cause(ctx))
	}
}

func (m *proxyMaker) end() { m.turn <- struct{}{} }

func (m *proxyMaker) last() *credential {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made
}

// fresh is the last proxy if it need not be replaced yet.
func (m *proxyMaker) fresh() *credential {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made != nil && m.opts.Now().Before(m.renewAt) {
		return m.made
	}
	return nil
}

func (m *proxyMaker) written() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.file
}

func (m *proxyMaker) set(c *credential, file string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made, m.renewAt, m.file = c, renewal(c), file
}

func (m *proxyMaker) putOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.renewAt = m.opts.Now().Add(proxyPause)
}

// renewal is when a proxy is to be replaced: early, since transfers that begin with it may take long.
func renewal(c *credential) time.Time {
	end := c.ends()
	acs, _ := voms.ACs(c.chain) // they were read when the proxy was taken
	for _, ac := range acs {
		if ac.NotAfter.Before(end) {
			end = ac.NotAfter
		}
	}
	return end.Add(-min(proxyMargin, end.Sub(c.chain[0].NotBefore)/4))
}

// stored returns the proxy in the file if it is what would be made now: of the same certificate, with the same attributes, and
// good for a while. Whoever made it, this saves a question to VOMS in each run.
func (m *proxyMaker) stored() *credential {
	own, err := m.of.load()
	if err != nil {
		return nil // making one tells why
	}
	c, err := (&keyPair{what: "the proxy certificate", cert: m.path, proxy: true, guessed: true}).load()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			m.opts.Log.Info("the proxy that is there is not used", "file", m.path, "error", err)
		}
		return nil
	}
	acs, err := voms.ACs(c.chain)
	suits := err == nil && voms.Kind(c.chain[0]) != "" && c.owner().Equal(own.chain[0]) && m.opts.Now().Before(renewal(c))
	for _, request := range m.requests {
		suits = suits && slices.ContainsFunc(acs, func(ac *voms.AC) bool { return m.carries(ac, request) })
	}
	if !suits {
		return nil
	}
	m.opts.Log.Debug("using the proxy that is there", "file", m.path, "ends", c.ends())
	return c
}

// carries tells whether attributes are those of a request, the first one in the first place.
func (m *proxyMaker) carries(ac *voms.AC, request voms.Request) bool {
	servers, err := voms.Find(m.opts.Vomses, request.VO)
	if err != nil || ac.VO != servers[0].VO {
		return false
	}
	for i, fqan := range request.FQANs {
		if !ac.Has(fqan) || i == 0 && !(&voms.AC{FQANs: ac.FQANs[:1]}).Has(fqan) {
			return false
		}
	}
	return true
}

// make makes a proxy and keeps it.
func (m *proxyMaker) make(ctx context.Context) (*credential, error) {
	own, err := m.of.load()
	if err != nil {
		return nil, err
	}
	if err := validNow(own, m.opts.Now()); err != nil {
		err.Attempt = "make a proxy of " + own.origin
		return nil, err
	}
	var acs [][]byte
	for _, request := range m.requests {
		ac, err := m.attributes(ctx, own, request)
		if err != nil {
			return nil, err
		}
		acs = append(acs, ac)
	}
	text, err := voms.NewProxy(own.tls, acs, m.opts.Lifetime, m.opts.Now())
	if err != nil {
		return nil, &Error{Kind: Config, Attempt: "make a proxy of " + own.origin, Problem: err.Error(), Err: err}
	}
	c, err := parseCredential(text, text, "the proxy of "+own.origin)
	if err != nil {
		return nil, &Error{Kind: Config, Attempt: "make a proxy of " + own.origin, Problem: err.Error(), Err: err}
	}
	file := m.path
	if err := replaceFile(m.path, text); err != nil {
		m.opts.Log.Warn("cannot write the proxy: other programs will not find it", "file", m.path, "error", err)
		file = ""
	}
	m.set(c, file)
	m.opts.Log.Debug("made a proxy", "file", file, "ends", c.ends())
	return c, nil
}

// attributes asks the VOMS servers of a VO.
func (m *proxyMaker) attributes(ctx context.Context, own *credential, request voms.Request) ([]byte, error) {
	attempt := fmt.Sprintf("get the attributes of the VO %s for %s", request.VO, voms.DN(own.chain[0].RawSubject))
	servers, err := voms.Find(m.opts.Vomses, request.VO)
	if err != nil {
		e := &Error{Kind: Config, Attempt: attempt, Problem: err.Error(), Err: err, Advice: "put the VO's line into one of them; the VO's pages have it"}
		var unknown *voms.UnknownVOError
		if errors.As(err, &unknown) {
			if hint := m.opts.Suggest(request.VO, unknown.Known); hint != "" {
				e.Advice = hint
			}
		}
		return nil, e
	}
	trust, err := m.opts.Grid.authorities()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{own.tls}, RootCAs: trust.pool, VerifyConnection: trust.check, MinVersion: tls.VersionTLS12}
	grant, err := voms.Fetch(ctx, config, servers, request)
	if err != nil {
		return nil, vomsError(ctx, attempt, err)
	}
	for _, warning := range grant.Warnings {
		m.opts.Log.Warn("VOMS warns", "server", grant.Server.Address(), "vo", request.VO, "warning", warning)
	}
	ac, err := voms.ParseAC(grant.AC)
	if err != nil {
		return nil, &Error{Kind: Server, Attempt: attempt, Host: grant.Server.Address(), Problem: err.Error(), Err: err}
	}
	if err := m.opts.Grid.verify(ac, own, m.opts.Now()); err != nil {
		m.opts.Log.Warn("services may not believe the attributes: "+err.Error(), "vo", request.VO, "server", grant.Server.Address())
	}
	return grant.AC, nil
}

// vomsError explains why a VOMS server gave nothing.
func vomsError(ctx context.Context, attempt string, err error) error {
	var refused *voms.RefusedError
	if errors.As(err, &refused) {
		return &Error{Kind: UnknownIdentity, Attempt: attempt, Problem: err.Error(), Err: err,
			Advice: "ask the VO's managers whether this certificate is a member, has that role and has signed the current usage policy"}
	}
	e := connectionError(ctx, "", err)
	if e.Kind != Cancelled {
		e.Problem = err.Error() // it names each server
	}
	switch e.Attempt = attempt; e.Kind {
	case TLS:
		e.Advice = "set X509_CERT_DIR to the folder of the grid's authorities"
	case Unreachable:
		e.Advice = "check that the vomses files are up to date, that the server is up, and that no firewall is in the way"
	}
	return e
}

// replaceFile writes a file that only its owner can read, in one step: others read the old text or the new one.
func replaceFile(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"_*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name()) //nolint:errcheck,gosec // the first error says it all
		}
	}()
	if _, err = file.Write(text); err != nil {
		file.Close() //nolint:errcheck,gosec // likewise
		return err
	}
	if err = file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
