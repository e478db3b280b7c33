package transfer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// check finds out, before a byte moves, what would keep files from being uploaded. An error is for all of them; a file of which
// something is wrong fails alone.
func (u *upload) check(ctx context.Context) error {
	if err := u.chooseRSEs(ctx); err != nil {
		return err
	}
	if err := u.checkNames(); err != nil {
		return err
	}
	for _, f := range u.todo() {
		if err := f.checkSite(); err != nil {
			f.fail(err)
		} else if f.result.GUID, err = findGUID(ctx, f); err != nil {
			f.fail(err)
		}
	}
	if err := u.checkScopes(ctx); err != nil {
		return err
	}
	if err := u.checkDatasets(ctx); err != nil {
		return err
	}
	if err := u.askCatalogue(ctx); err != nil {
		return err
	}
	return u.askPFNs(ctx)
}

// askPFNs asks the server where files are to be, of RSEs whose names only the server can make: all at once, for the protocol that
// is tried first.
func (u *upload) askPFNs(ctx context.Context) error {
	type way struct {
		site           *site
		scheme, domain string
	}
	by := map[way][]*uploadFile{}
	for _, f := range u.todo() {
		if f.pfn != "" || f.site.namer() != nil {
			continue
		}
		protocols, err := f.site.protocols(f.wish())
		if err != nil {
			return err // checkSite has seen it
		}
		at := way{f.site, protocols[0].Scheme, f.domain}
		by[at] = append(by[at], f)
	}
	for at, files := range by {
		var names []string
		for _, did := range didsOf(files) {
			names = append(names, did.String())
		}
		pfns, err := u.c.LFNs2PFNs(ctx, at.site.RSE.RSE, names, &rucio.LFNs2PFNsOptions{Scheme: at.scheme, Operation: opWrite, ProtocolDomain: at.domain})
		if err != nil {
			return err
		}
		for _, f := range files {
			f.named = map[string]string{at.scheme: pfns[f.did.String()]}
		}
	}
	return nil
}

// chooseRSEs finds the RSE of each expression: one of those that can be written to, by chance.
func (u *upload) chooseRSEs(ctx context.Context) error {
	chosen := map[string]*site{}
	for _, f := range u.todo() {
		if chosen[f.rse] == nil {
			s, err := u.chooseRSE(ctx, f.rse)
			if err != nil {
				return err
			}
			chosen[f.rse] = s
		}
		f.site = chosen[f.rse]
		f.domain = f.site.domain(u.m.location())
		f.result.RSE = f.site.RSE.RSE
	}
	return nil
}

func (u *upload) chooseRSE(ctx context.Context, expression string) (*site, error) {
	var names []string
	for rse, err := range u.c.ListRSEs(ctx, &rucio.ListRSEsOptions{RSEExpression: expression}) {
		if err != nil {
			return nil, noRSE("upload", expression, err)
		}
		names = append(names, rse.RSE)
	}
	rand.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] }) //nolint:gosec // spreads load, hides nothing
	for _, name := range names {
		s, err := u.m.site(ctx, u.c, name)
		if err != nil {
			return nil, err
		}
		if s.AvailabilityWrite || u.o.IgnoreAvailability {
			return s, nil
		}
	}
	if len(names) == 0 {
		return nil, refuse("upload", rucio.ErrInvalidRSEExpression, "no RSE matches %q", expression)
	}
	slices.Sort(names)
	return nil, refuse("upload", rucio.ErrRSEWriteBlocked, "%s is not available for writing; nothing was uploaded", strings.Join(names, ", "))
}

// rseName matches what may be the name of an RSE; an expression has more to it.
var rseName = regexp.MustCompile(`^[\w-]+$`)

// noRSE is a server's refusal of an RSE expression, in words that say what there is not: the server's leave that out. Other errors
// stay what they are.
func noRSE(method, expression string, err error) error {
	var refused *rucio.Error
	if !errors.As(err, &refused) || !errors.Is(refused, rucio.ErrInvalidRSEExpression) {
		return err
	}
	why := fmt.Sprintf("%q is no RSE expression: %s", expression, strings.TrimRight(refused.Message, ". "))
	switch {
	case rseName.MatchString(expression):
		why = "there is no RSE " + expression
	case strings.Contains(refused.Message, "empty set"):
		why = fmt.Sprintf("no RSE matches %q", expression)
	}
	return refuse(method, rucio.ErrInvalidRSEExpression, "%s", why)
}

// checkNames refuses names that are used twice: for a file and a dataset, for two files, for two objects of a storage.
func (u *upload) checkNames() error {
	files, datasets, objects := map[string]*uploadFile{}, map[string]bool{}, map[string]*uploadFile{}
	for _, f := range u.todo() {
		if f.datasetScope != "" && f.datasetName != "" {
			datasets[f.datasetScope+":"+f.datasetName] = true
		}
	}
	for _, did := range u.tree.containers {
		datasets[did.String()] = true
	}
	twice := func(f, before *uploadFile, what string) error {
		return refuse("upload", rucio.ErrInputValidationError, "%s and %s are both to be %s", before.result.Path, f.result.Path, what)
	}
	for _, f := range u.todo() {
		did := f.did.String()
		if datasets[did] {
			return refuse("upload", rucio.ErrInputValidationError, "DIDs used to address both files and datasets: %s", did)
		}
		if before := files[did+" "+f.result.RSE]; before != nil {
			return twice(f, before, did+" on "+f.result.RSE)
		}
		if before := objects[f.pfn]; f.pfn != "" && before != nil {
			return twice(f, before, f.pfn)
		}
		files[did+" "+f.result.RSE], objects[f.pfn] = f, f
	}
	return nil
}

// checkSite tells whether the RSE can take the file.
func (f *uploadFile) checkSite() error {
	if !f.site.Deterministic && f.pfn == "" {
		return refuse("upload", rucio.ErrInputValidationError, "%s does not name files itself: a pfn must say where it is to be", f.result.RSE)
	}
	_, err := f.site.protocols(f.wish())
	return err
}

// wish is what the protocol must be that the file is written by.
func (f *uploadFile) wish() wish {
	w := wish{operation: opWrite, domain: f.domain, impl: f.impl}
	if f.forceScheme != "" {
		w.schemes = strings.Split(f.forceScheme, ",")
	}
	return w
}

// checkScopes refuses scopes that do not exist, of which the catalogue would only tell when all bytes have moved.
func (u *upload) checkScopes(ctx context.Context) error {
	own, err := u.c.ListScopesForAccount(ctx, u.account)
	if err != nil && !errors.Is(err, rucio.ErrScopeNotFound) {
		return err
	}
	var all []string
	for _, f := range u.todo() {
		for _, scope := range f.scopes() {
			if slices.Contains(own, scope) {
				continue
			}
			if all == nil {
				if all, err = u.c.ListScopes(ctx); err != nil {
					return err
				}
			}
			if !slices.Contains(all, scope) {
				f.fail(&registrationError{refuse("upload", rucio.ErrScopeNotFound, "there is no scope %s", scope)})
				break
			}
			u.m.setup.Log.WarnContext(ctx, "upload: the scope is not one of the account's", "scope", scope, "account", u.account)
			own = append(own, scope) // told once
		}
	}
	return nil
}

// scopes are those that the catalogue must have for a file: its own, and that of its dataset.
func (f *uploadFile) scopes() []string {
	switch {
	case !f.registers():
		return nil
	case f.datasetScope != "" && f.datasetName != "":
		return []string{f.did.Scope, f.datasetScope}
	}
	return []string{f.did.Scope}
}
