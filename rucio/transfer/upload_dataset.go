package transfer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// uploadDataset is a dataset that files go into.
type uploadDataset struct {
	did      rucio.DID
	rse      string // of its rule
	lifetime *int   // of its rule
	meta     map[string]any
	exists   bool
	lasts    bool  // a rule with this lifetime is there
	plain    bool  // it is a folder's, and has no rule
	err      error // why it could not be made
}

// checkDatasets finds the datasets of all files. As in Python's client, the first file of a dataset says how it is to be made.
func (u *upload) checkDatasets(ctx context.Context) error {
	plain := map[string]bool{}
	for _, did := range u.tree.datasets {
		plain[did.String()] = true
	}
	var dids []rucio.DID
	for _, f := range u.todo() {
		if !f.registers() || f.datasetScope == "" || f.datasetName == "" {
			continue
		}
		did := rucio.DID{Scope: f.datasetScope, Name: f.datasetName}
		if f.dataset = u.datasets[did.String()]; f.dataset == nil {
			f.dataset = &uploadDataset{did: did, rse: f.result.RSE, lifetime: f.lifetime, meta: f.datasetMeta, plain: plain[did.String()]}
			u.datasets[did.String()] = f.dataset
			dids = append(dids, did)
		}
	}
	found, err := u.metadata(ctx, dids)
	if err != nil {
		return err
	}
	for _, f := range u.todo() {
		if f.dataset == nil {
			continue
		}
		known := found[f.dataset.did.String()]
		f.dataset.exists = known.DIDType != ""
		if err := u.checkLifetime(ctx, f.dataset); err != nil {
			return err
		}
		switch {
		case known.refused != nil:
			f.fail(&registrationError{known.refused})
		case known.DIDType != "" && known.DIDType != "DATASET":
			f.fail(&registrationError{refuse("upload", rucio.ErrUnsupportedOperation, "%s is a %s, not a dataset", f.dataset.did, strings.ToLower(known.DIDType))})
		case known.Open != nil && !*known.Open:
			f.fail(&registrationError{refuse("upload", rucio.ErrUnsupportedOperation, "dataset %s is closed", f.dataset.did)})
		}
	}
	return nil
}

// checkLifetime refuses a lifetime of a dataset that will get no rule, and another one than its rule has: uploads make rules, and
// change none. One that is made again, or beside others into the same dataset, wants what the rule says.
func (u *upload) checkLifetime(ctx context.Context, d *uploadDataset) error {
	switch {
	case d.lifetime == nil || d.lasts:
		return nil
	case d.plain:
		return refuse("upload", rucio.ErrInputValidationError, "dataset %s is made of a folder, and gets no rule that a lifetime could be of", d.did)
	case !d.exists:
		return nil
	}
	for rule, err := range u.c.ListDIDRules(ctx, d.did.Scope, d.did.Name) {
		if err != nil {
			return err
		}
		other := rule.ExpiresAt.Sub(rule.CreatedAt.Time) - time.Duration(*d.lifetime)*time.Second
		if rule.Account == u.account && !rule.ExpiresAt.IsZero() && other.Abs() <= lifetimeSlack {
			d.lasts = true
			return nil
		}
	}
	return refuse("upload", rucio.ErrInputValidationError, "dataset %s exists, and no rule of %s's on it has a lifetime of %d: that of an existing dataset must not be modified",
		d.did, u.account, *d.lifetime)
}

// lifetimeSlack is for a server and its database, whose clocks both have a part in the times of a rule.
const lifetimeSlack = 10 * time.Second

// make makes a dataset that does not exist, once.
func (u *upload) make(ctx context.Context, d *uploadDataset) error {
	if d.exists || d.err != nil {
		return d.err
	}
	o := &rucio.AddDatasetOptions{Meta: d.meta}
	if !d.plain {
		rule := map[string]any{"account": u.account, "copies": 1, "rse_expression": d.rse, "grouping": "DATASET", "lifetime": nil}
		if d.lifetime != nil {
			rule["lifetime"] = *d.lifetime
		}
		o.Rules = []map[string]any{rule}
	}
	err := u.c.AddDataset(ctx, d.did.Scope, d.did.Name, o)
	switch {
	case err == nil:
		u.m.setup.Log.InfoContext(ctx, "upload: made a dataset", "dataset", d.did.String())
	case errors.Is(err, rucio.ErrDataIdentifierAlreadyExists): // by now
		u.m.setup.Log.InfoContext(ctx, "upload: the dataset exists, no rule is made", "dataset", d.did.String())
		d.exists = true
		err = u.checkLifetime(ctx, d)
	}
	d.exists, d.err = err == nil, err
	return err
}

// makeTree makes the collections that folders become and puts them into each other. What can't be made is told of in the log, as
// by Python's client: the files are more important.
func (u *upload) makeTree(ctx context.Context) {
	tree := u.tree
	u.tree = uploadTree{}
	failed := func(what string) func(rucio.DID, error) {
		return func(did rucio.DID, err error) {
			if errors.Is(err, rucio.ErrDataIdentifierAlreadyExists) {
				u.m.setup.Log.InfoContext(ctx, "upload: the "+what+" exists", "did", did.String())
				return
			}
			u.m.setup.Log.ErrorContext(ctx, "upload: a "+what+" was not made", "did", did.String(), "error", err)
		}
	}
	newDIDs := func(dids []rucio.DID) []rucio.NewDID {
		var all []rucio.NewDID
		for _, did := range dids {
			all = append(all, rucio.NewDID{Scope: did.Scope, Name: did.Name})
		}
		return all
	}
	inHalves(tree.datasets, func(dids []rucio.DID) error { return u.c.AddDatasets(ctx, newDIDs(dids)) }, failed("dataset"))
	inHalves(tree.containers, func(dids []rucio.DID) error { return u.c.AddContainers(ctx, newDIDs(dids)) }, failed("container"))
	for _, kind := range []branch{dataset, container} { // the server takes no mixture at once
		inHalves(slices.DeleteFunc(slices.Clone(tree.links), func(l link) bool { return l.kind != kind }), func(links []link) error {
			return u.c.AttachDIDsToDIDs(ctx, attachments(links), &rucio.AttachDIDsToDIDsOptions{IgnoreDuplicate: true})
		}, func(l link, err error) {
			u.m.setup.Log.ErrorContext(ctx, "upload: a folder was not put into its container", "did", l.did.String(), "container", l.in.String(), "error", err)
		})
	}
	for _, did := range tree.datasets {
		if d := u.datasets[did.String()]; d != nil {
			d.exists = true // or attaching files to it says that it does not
		}
	}
}

// attachments groups what is to be put into collections.
func attachments(links []link) []rucio.Attachment {
	var all []rucio.Attachment
	at := map[string]int{}
	for _, l := range links {
		n, known := at[l.in.String()]
		if !known {
			n = len(all)
			at[l.in.String()] = n
			all = append(all, rucio.Attachment{Scope: l.in.Scope, Name: l.in.Name})
		}
		all[n].DIDs = append(all[n].DIDs, l.did)
	}
	return all
}
