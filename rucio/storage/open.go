package storage

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Options is what backends need to know to get at a storage. The zero value is for storages that anybody may use.
type Options struct {
	// TLS has the CAs to trust and the X.509 client certificate or proxy to show; nil is the system's CAs and none.
	TLS *tls.Config
	// Token returns a bearer token for what pfn names, empty for none; nil is none at all. It is only ever sent to the
	// host and port that pfn names, and only over TLS.
	Token func(ctx context.Context, pfn string) (rucio.Secret, error)
	// S3 returns the keys of an S3 endpoint, "host:port" or "host" as the PFN has it, for "s3://" PFNs.
	S3 func(endpoint string) (S3Keys, error)
	// Silence is how long a server may neither send nor take a byte; 0 is five minutes, as computing the checksum of a
	// large file may take that long.
	Silence time.Duration
	// Proxy and CADir are file and folder names of an X.509 proxy with its key, and of CAs by hash, for the programs that
	// speak srm:// and gsiftp://, and for GSI. Env is the environment for such programs, "NAME=value" each.
	Proxy, CADir string
	Env          []string
	// CAFile is a file with CAs (PEM), for programs that know no folders of them; it wins over CADir there.
	CAFile string
	// User is who we say we are to storages that believe it (XRootD's unix, and its logs); "nobody" when empty.
	User string
	// XRootDTool has the installed xrdcp and xrdfs serve "root://" PFNs instead of our own client: for servers that want GSI.
	XRootDTool bool
	// Log gets a line at debug level where a backend does something one would not expect; nil is none.
	Log *slog.Logger
}

// S3Keys let an S3 endpoint in.
type S3Keys struct {
	Access string
	Secret rucio.Secret
	Region string // "us-east-1" when empty
	Plain  bool   // http rather than https
}

const defaultSilence = 5 * time.Minute

func (o Options) withDefaults() Options {
	if o.Silence <= 0 {
		o.Silence = defaultSilence
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o
}

// schemes returns the explicit map from a PFN's scheme to what makes its backend.
func schemes() map[string]func(Options) (Backend, error) {
	web := func(o Options) (Backend, error) { return NewHTTP(o), nil }
	gfal := func(o Options) (Backend, error) { return orNone(NewGfal(o)) }
	root := func(o Options) (Backend, error) {
		if o.XRootDTool {
			return orNone(NewRootTool(o))
		}
		return NewRoot(o, RootOptions{User: o.User}), nil
	}
	return map[string]func(Options) (Backend, error){
		"dav":    web,
		"davs":   web,
		"http":   web,
		"https":  web,
		"s3":     func(o Options) (Backend, error) { return orNone(NewS3(o)) },
		"root":   root,
		"roots":  root,
		"xroot":  root,
		"xroots": root,
		"srm":    gfal,
		"gsiftp": gfal,
		"file":   func(Options) (Backend, error) { return NewFile(), nil },
		"mem":    func(Options) (Backend, error) { return NewMem(), nil },
	}
}

// orNone keeps a nil pointer from becoming a Backend that is not nil.
func orNone[B Backend](b B, err error) (Backend, error) {
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Schemes lists the schemes that Open knows, sorted.
func Schemes() []string { return slices.Sorted(maps.Keys(schemes())) }

// Open returns the backend for PFNs of the scheme that pfn has: a whole PFN, or the scheme alone. No connection is made
// yet. Backends are not wrapped: see Wrap.
func Open(pfn string, options Options) (Backend, error) {
	scheme := pfn
	if strings.ContainsAny(pfn, ":/") {
		scheme = Scheme(pfn)
	}
	open, ok := schemes()[strings.ToLower(scheme)]
	if !ok {
		return nil, Fail("open", pfn, Unsupported, fmt.Errorf("no storage of scheme %q (known: %s)", scheme, strings.Join(Schemes(), ", ")))
	}
	return open(options.withDefaults())
}
