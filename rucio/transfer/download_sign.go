package transfer

import (
	"context"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// signAgain is how old an address that Rucio has signed is at least when it may have expired.
const signAgain = time.Minute

// isSigned tells whether an address has a signature, which is good for some minutes only.
func isSigned(pfn string) bool {
	_, query, _ := strings.Cut(pfn, "?")
	return strings.Contains(strings.ToLower(query), "signature=") || strings.Contains(query, "temp_url_sig=")
}

// sign has Rucio sign the address of a source anew, "" when it does not.
func (d *download) sign(ctx context.Context, f *wanted, from source) string {
	did := f.did
	if f.archived != nil {
		did = f.archived[0].did
	}
	for row, err := range d.c.ListReplicas(ctx, []rucio.DID{did}, &rucio.ListReplicasOptions{
		Schemes: []string{storage.Scheme(from.pfn)}, RSEExpression: from.rse, IgnoreAvailability: new(bool), ClientLocation: d.m.location().fields(),
	}) {
		if err != nil {
			d.log.WarnContext(ctx, "an address that may have expired was not signed anew", "did", did.String(), "rse", from.rse, "error", err)
			return ""
		}
		for pfn := range row.PFNs {
			if pfn, _ = archiveOf(pfn); storage.Public(pfn) == storage.Public(from.pfn) && pfn != from.pfn {
				d.log.DebugContext(ctx, "an address was signed anew", "did", did.String(), "pfn", storage.Public(pfn))
				return pfn
			}
		}
	}
	return ""
}
