package cli

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// storageRetries is how often a call is repeated when a storage is not there for a moment.
const storageRetries = 2

// doors says how one login gets in at storages.
type doors struct {
	*session
	settings *config.Client
	config   *config.Config
	login    rucio.Credentials // nil: there is no Rucio
}

// newMover returns what the transfers of one client share. Nothing is opened before a file moves; the end of the run closes it.
func (s *session) newMover(d doors) *transfer.Mover {
	log := s.p.logger(s.c)
	progress := s.progress
	if progress == nil {
		progress = newLogProgress(log, s.p.Now, slog.LevelDebug) // package transfer tells of each file itself
	}
	if _, ok := progress.(*bars); ok && !s.c.Bool("verbose") {
		log = slog.New(warnings{log.Handler()}) // the bars tell the rest
	}
	bitTorrent, _ := d.config.Get("client", "register_bittorrent_meta")
	mover := transfer.NewMover(transfer.Setup{
		Storage:    d.storageOptions,
		Policy:     storage.Policy{Retries: storageRetries, Log: log},
		Location:   s.p.location(),
		Workers:    s.workers,
		Progress:   progress,
		Log:        log,
		CheckAdmin: s.allowTape,
		BitTorrent: slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(bitTorrent.Text())),
	})
	s.p.atEnd(mover.Close)
	return mover
}

// mover returns the way into storages: that of the client, or, where no Rucio is configured, one that does without. It is found
// once, for all files that move at the same time.
func (s *session) mover() (*transfer.Mover, error) {
	s.way.Lock()
	defer s.way.Unlock()
	if s.way.mover == nil {
		mover, err := s.findMover()
		if err != nil {
			return nil, err
		}
		s.way.mover = mover
	}
	return s.way.mover, nil
}

func (s *session) findMover() (*transfer.Mover, error) {
	cfg, err := s.p.loadConfig(s.c, nil)
	if err != nil {
		return nil, err
	}
	if host, err := cfg.Get("client", "rucio_host"); err != nil || host.IsSet() {
		client, err := s.client(nil)
		if err != nil {
			return nil, err
		}
		return client.Transfers().(*transfer.Mover), nil
	}
	settings, err := cfg.ClientWithoutServer()
	if err != nil {
		return nil, classify(err)
	}
	return s.newMover(doors{session: s, settings: settings, config: cfg}), nil
}

// location is where the variables say that this machine is.
func (p *program) location() transfer.Location {
	degrees := func(name string) *float64 {
		if f, err := strconv.ParseFloat(p.Getenv(name), 64); err == nil {
			return &f
		}
		return nil
	}
	return transfer.Location{
		Site:     cmp.Or(p.Getenv("SITE_NAME"), p.Getenv("ATLAS_SITE_NAME"), p.Getenv("OSG_SITE_NAME")),
		Latitude: degrees("RUCIO_LATITUDE"), Longitude: degrees("RUCIO_LONGITUDE"),
	}
}

// storageOptions is what the configuration says about getting in at storages. Certificates are read now.
func (d doors) storageOptions(ctx context.Context) (storage.Options, error) {
	options := d.identityOptions(d.settings)
	byFlag := d.c.String("client-cert") != "" && d.c.String("client-proxy") == ""
	if (d.settings.Proxy == "" || byFlag) && d.settings.AuthType != "x509_proxy" {
		// Neither what somebody left at the default place stands before a certificate that is named, nor a proxy of rucio.cfg
		// before one on the command line.
		options.PreferProxy = false
	}
	identity, err := auth.NewIdentity(options)
	if err != nil {
		return storage.Options{}, classify(err)
	}
	trust, err := auth.TLSConfig(auth.TLSOptions{
		CACert: d.settings.CACert, WithSystem: true, Also: d.p.gridAuthorities(), Insecure: d.settings.InsecureTLS, Identity: identity,
	})
	if err != nil {
		return storage.Options{}, classify(err)
	}
	proxy := d.proxyFile(ctx, identity)
	return storage.Options{
		TLS: trust, Token: d.token, S3: d.s3Keys, Proxy: proxy, CADir: d.caDir(), CAFile: d.caFile(), Env: d.environment(proxy),
		User: d.p.User(), XRootDTool: d.c.Bool("xrdcp"), Log: d.p.logger(d.c),
	}, nil
}

// token is what storages take for a bearer token: that of the Rucio session if an identity provider made it, as Python's
// clients do, else one that lies where the grid's tools leave it.
func (d doors) token(ctx context.Context, _ string) (rucio.Secret, error) {
	if d.login != nil && (d.settings.AuthType == "oidc" || isJWT(d.settings.AuthToken)) {
		token, err := d.login.Token(ctx)
		if err != nil || isJWT(token) {
			return token, err
		}
	}
	token, err := d.p.discovery().Token()
	d.p.redactor.Add(token.Reveal())
	return token, classify(err)
}

// isJWT tells a token of an identity provider from one of Rucio's own.
func isJWT(token rucio.Secret) bool { return strings.Count(token.Reveal(), ".") == 2 }

// proxyFile is the file with a proxy, for programs that take one; "" when there is none. Where proxies are made, the first one is.
func (d doors) proxyFile(ctx context.Context, identity *auth.Identity) string {
	if identity == nil {
		return ""
	}
	if identity.File() == "" && d.settings.VOMS != "" {
		if _, err := identity.Certificate(ctx); err != nil {
			d.p.logger(d.c).WarnContext(ctx, "no proxy for storage: "+err.Error())
		}
	}
	return identity.File()
}

// caDir is the folder with CAs by their hash, for programs that take one.
func (d doors) caDir() string {
	for _, dir := range []string{d.p.Getenv("X509_CERT_DIR"), d.settings.CACert, gridAuthorities} {
		if info, err := d.p.Files.Stat(dir); dir != "" && err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}

// caFile is the file with CAs, for programs that take one.
func (d doors) caFile() string {
	if info, err := d.p.Files.Stat(d.settings.CACert); d.settings.CACert != "" && err == nil && !info.IsDir() {
		return d.settings.CACert
	}
	return ""
}

// environment is that of programs that serve storages. They get a certificate when there is no proxy: some would take the
// key of the one with the other.
func (d doors) environment(proxy string) []string {
	env := maps.Clone(d.p.Env)
	if proxy == "" && d.settings.ClientCert != "" && d.settings.ClientKey != "" {
		env["X509_USER_CERT"], env["X509_USER_KEY"] = d.settings.ClientCert, d.settings.ClientKey
	}
	pairs := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		pairs = append(pairs, name+"="+env[name])
	}
	return pairs
}
