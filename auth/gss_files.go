package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	tickets "github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

// openKerberos returns the user of the ticket in the cache, or else of the keytab. The error is an *Error.
func openKerberos(opts GSSOptions, now time.Time) (*client.Client, error) {
	cfg, err := krb5Config(opts.Config)
	if err != nil {
		return nil, err
	}
	user, fromCache := cachedTicket(opts, cfg, now)
	if fromCache == nil || opts.Keytab == "" {
		return user, orNil(fromCache)
	}
	return fromKeytab(opts.Keytab, cfg)
}

func orNil(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}

// cachedTicket opens the ticket that kinit got.
func cachedTicket(opts GSSOptions, cfg *config.Config, now time.Time) (*client.Client, *Error) {
	name := opts.Cache
	if name == "" {
		name = fmt.Sprintf("/tmp/krb5cc_%d", opts.UID) // whatever TMPDIR says
	}
	fail := func(kind Kind, problem string, err error) (*client.Client, *Error) {
		return nil, &Error{Kind: kind, Attempt: "read the Kerberos ticket in " + name, Problem: problem, Err: err,
			Advice: "get a ticket (kinit), or set KRB5_CLIENT_KTNAME to a keytab"}
	}
	kind, path, found := strings.Cut(name, ":")
	if !found {
		kind, path = "FILE", name
	}
	if kind != "FILE" {
		return fail(Config, fmt.Sprintf("tickets in %s cannot be read, only those in files", kind), nil)
	}
	text, info, err := readPEM(path)
	if err != nil {
		return fail(Config, reason(err).Error(), err)
	}
	if opts.Cache == "" && foreign(info) { // everybody can put one there
		return fail(Unusable, "it belongs to another user", nil)
	}
	cache := parseTickets(text)
	if cache == nil || cache.GetClientRealm() == "" {
		return fail(Unusable, "it is no cache of Kerberos tickets, or only a part of one", nil)
	}
	user, err := client.NewFromCCache(cache, cfg, client.DisablePAFXFAST(true))
	if err != nil {
		return fail(Unusable, "it has no ticket of the realm "+cache.GetClientRealm()+", with which others are to be had", nil)
	}
	for _, ticket := range cache.GetEntries() {
		if first := ticket.Server.PrincipalName.NameString; len(first) > 0 && first[0] == "krbtgt" && now.After(ticket.EndTime) {
			return fail(Unusable, fmt.Sprintf("the ticket of %s@%s expired at %s", cache.GetClientPrincipalName().PrincipalNameString(), cache.GetClientRealm(), ticket.EndTime.UTC().Format(time.RFC3339)), nil)
		}
	}
	return user, nil
}

// parseTickets reads a cache; nil when it is none. The library trusts what the file says of its lengths, and panics where they
// lead out of it; its errors quote the file, which is a secret.
func parseTickets(text []byte) (cache *tickets.CCache) {
	defer func() {
		if recover() != nil {
			cache = nil
		}
	}()
	cache = new(tickets.CCache)
	if cache.Unmarshal(text) != nil {
		return nil
	}
	return cache
}

// fromKeytab opens the first principal of a keytab.
func fromKeytab(name string, cfg *config.Config) (*client.Client, error) {
	fail := func(kind Kind, problem, advice string, err error) (*client.Client, error) {
		return nil, &Error{Kind: kind, Attempt: "read the keytab " + name, Problem: problem, Err: err, Advice: advice}
	}
	path := strings.TrimPrefix(name, "FILE:")
	text, info, err := readPEM(path)
	if err != nil {
		return fail(Config, reason(err).Error(), "set KRB5_CLIENT_KTNAME to a keytab", err)
	}
	if problem := exposed(info); problem != "" {
		return fail(Unusable, fmt.Sprintf("it is not private: %s (mode %04o)", problem, info.Mode().Perm()), "chmod 600 "+path, nil)
	}
	keys := parseKeytab(text)
	if keys == nil {
		return fail(Config, "it is no keytab, or only a part of one", "set KRB5_CLIENT_KTNAME to a keytab", nil)
	}
	first := keys.Entries[0].Principal
	return client.NewWithKeytab(strings.Join(first.Components, "/"), first.Realm, keys, cfg, client.DisablePAFXFAST(true)), nil
}

// parseKeytab reads a keytab, as carefully as parseTickets reads a cache; nil when it has no key.
func parseKeytab(text []byte) (keys *keytab.Keytab) {
	defer func() {
		if recover() != nil {
			keys = nil
		}
	}()
	keys = keytab.New()
	if keys.Unmarshal(text) != nil || len(keys.Entries) == 0 {
		return nil
	}
	return keys
}

// krb5Config reads the configuration of Kerberos, of the first file that is there.
func krb5Config(paths string) (*config.Config, error) {
	if paths == "" {
		paths = "/etc/krb5.conf"
	}
	fail := func(problem string, err error) (*config.Config, error) {
		return nil, &Error{Kind: Config, Attempt: "read Kerberos' configuration " + paths, Problem: problem, Err: err, Advice: "set KRB5_CONFIG to the krb5.conf of your realm"}
	}
	sections := krb5Sections{lines: map[string][]string{}}
	err := fs.ErrNotExist
	for _, path := range filepath.SplitList(paths) {
		if err = sections.read(path, 0); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return fail(reason(err).Error(), err)
	}
	cfg, err := config.NewFromString(sections.String())
	if unsupported := (config.UnsupportedDirective{}); err != nil && !errors.As(err, &unsupported) {
		return fail(err.Error(), err)
	}
	if !strings.Contains(strings.Join(sections.lines["[libdefaults]"], "\n"), "dns_lookup_kdc") {
		cfg.LibDefaults.DNSLookupKDC = true // Kerberos' own default
	}
	return cfg, nil
}

// krb5Sections are the lines of each section of a krb5.conf and of the files that it includes, which the library does not do.
type krb5Sections struct {
	names []string
	lines map[string][]string
}

func (s *krb5Sections) String() string {
	var text strings.Builder
	for _, name := range s.names {
		text.WriteString(name + "\n" + strings.Join(s.lines[name], "\n") + "\n")
	}
	return text.String()
}

// maxInclude bounds how deep files include others.
const maxInclude = 10

func (s *krb5Sections) read(path string, depth int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if depth > maxInclude {
		return fmt.Errorf("%s is included by itself", path)
	}
	section := ""
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimSpace(line)
		word, rest, _ := strings.Cut(trimmed, " ")
		switch {
		case word == "include":
			err = s.read(strings.TrimSpace(rest), depth+1)
		case word == "includedir":
			err = s.readFolder(strings.TrimSpace(rest), depth+1)
		case strings.HasPrefix(trimmed, "["):
			if section = trimmed; !slices.Contains(s.names, section) {
				s.names = append(s.names, section)
			}
		default:
			s.lines[section] = append(s.lines[section], strings.TrimRight(line, "\r\n"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readFolder reads the files of a folder that Kerberos would read: those with plain names, or that end in .conf.
func (s *krb5Sections) readFolder(path string, depth int) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		plain := !strings.ContainsFunc(name, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", r)
		})
		if plain || strings.HasSuffix(name, ".conf") && name[0] != '.' {
			if err := s.read(filepath.Join(path, name), depth); err != nil {
				return err
			}
		}
	}
	return nil
}
