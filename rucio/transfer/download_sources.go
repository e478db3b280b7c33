package transfer

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// nothing says why there may be no replica of a file that was asked for.
func (in input) nothing(file rucio.DID) string {
	kind, known := in.info["did_type"].(string)
	o := in.orders[0]
	wish := phrase(" at ", o.rse) + phrase(" by ", strings.Join(o.schemes, " or "))
	switch {
	case !known:
		return "there is no such DID"
	case kind != "FILE" && in.did.String() == file.String():
		return "there is none of any file in this " + strings.ToLower(kind) + wish
	case wish != "":
		return "there may be others, but none" + wish
	}
	return "there is none at an RSE that can be read now"
}

// fileOf makes a file of a row of list_replicas.
func fileOf(row *rucio.Replica, inputs []input) *wanted {
	f := &wanted{
		did: rucio.DID{Scope: row.Scope, Name: row.Name}, bytes: row.Bytes,
		adler32: storage.NormalChecksum("adler32", row.Adler32), md5: storage.NormalChecksum("md5", row.MD5),
		parents: row.Parents, sources: []source{},
	}
	for pfn, about := range row.PFNs {
		f.sources = append(f.sources, source{pfn: pfn, rse: about.RSE, domain: about.Domain, priority: about.Priority, extract: about.ClientExtract})
	}
	sortSources(f.sources)
	var orders []*order
	itself := func(in input) bool { return in.did.String() == f.did.String() }
	for _, in := range inputs {
		if itself(in) || slices.Contains(row.Parents, in.did.String()) {
			f.inputs = append(f.inputs, in)
			orders = append(orders, in.orders...)
		}
	}
	slices.SortStableFunc(f.inputs, func(a, b input) int { // the first is the dataset of the trace
		return cmp.Compare(map[bool]int{true: 1}[itself(a)], map[bool]int{true: 1}[itself(b)])
	})
	f.options = merge(orders)
	return f
}

// downloadSchemes are those that servers are asked for: all that Python's clients ask for, and what we have beyond.
func downloadSchemes() []string {
	schemes := []string{"root", "davs", "http", "https", "file", "storm", "srm+https", "scp", "rsync", "rclone", "magnet"}
	for _, ours := range storage.Schemes() {
		if !slices.Contains(schemes, ours) {
			schemes = append(schemes, ours)
		}
	}
	return schemes
}

// tapes are the RSEs from which nothing is downloaded: staging is for rules. An admin whom the setup trusts may.
func (d *download) tapes(ctx context.Context) map[string]bool {
	if d.m.setup.CheckAdmin && d.isAdmin(ctx) {
		return nil
	}
	tapes := map[string]bool{}
	for rse, err := range d.c.ListRSEs(ctx, &rucio.ListRSEsOptions{RSEExpression: "istape=true"}) {
		if err != nil { // an expression that matches nothing is an error
			d.log.DebugContext(ctx, "no tapes were found", "error", err)
			return tapes
		}
		tapes[rse.RSE] = true
	}
	return tapes
}

func (d *download) isAdmin(ctx context.Context) bool {
	account, err := d.c.Account(ctx)
	if err != nil {
		return false
	}
	for attribute, err := range d.c.ListAccountAttributes(ctx, account) {
		if err != nil {
			d.log.DebugContext(ctx, "whether the account is an admin's is not to be had", "error", err)
			return false
		}
		if attribute.Key == "admin" {
			return attribute.Value == true
		}
	}
	return false
}

// dropTapes leaves out replicas on tape, and says why there may be none to download.
func (f *wanted) dropTapes(tapes map[string]bool) {
	before := len(f.sources)
	f.sources = slices.DeleteFunc(f.sources, func(s source) bool { return tapes[s.rse] })
	switch {
	case len(f.sources) > 0:
	case before > 0:
		f.reason = "it is on tape only, from which nothing is downloaded: make a rule for a copy on disk"
	case len(f.inputs) > 0:
		f.reason = f.inputs[0].nothing(f.did)
	}
}

// sortSources puts the one that the server likes best first.
func sortSources(sources []source) {
	slices.SortFunc(sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.pfn, b.pfn))
	})
}
