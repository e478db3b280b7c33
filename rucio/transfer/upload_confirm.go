package transfer

import (
	"cmp"
	"context"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// lookAgain asks once more for files that the catalogue did not know before they moved: another upload may have been faster, and
// servers do not mind if a replica has other checksums than the file.
func (u *upload) lookAgain(ctx context.Context, files []*uploadFile) {
	var unknown []*uploadFile
	for _, f := range files {
		if f.known.DIDType == "" {
			unknown = append(unknown, f)
		}
	}
	if err := u.learn(ctx, unknown); err != nil {
		for _, f := range unknown {
			f.known = knownFile{}
			u.m.setup.Log.WarnContext(ctx, "upload: the catalogue can't be asked again", "did", f.did.String(), "error", err)
		}
		return
	}
	for _, f := range unknown {
		if f.known.DIDType == "" {
			continue
		}
		if why := f.known.differs(f.result.Bytes, f.sums); why != "" {
			f.fail(f.isOther(why))
			u.takeBack(ctx, f)
		}
	}
}

// confirm asks whose files those are that were new, now that they are registered. Of uploads under one name at the same moment
// the catalogue has the checksums of the first, and a replica of each: one with other content has to go.
func (u *upload) confirm(ctx context.Context, files []*uploadFile) {
	var fresh []*uploadFile
	for _, f := range files {
		if f.known.DIDType == "" {
			fresh = append(fresh, f)
		}
	}
	found, err := u.metadata(ctx, didsOf(fresh))
	if err != nil {
		u.m.setup.Log.WarnContext(ctx, "upload: the catalogue can't be asked what it has", "files", len(fresh), "error", err)
		return
	}
	for _, f := range fresh {
		known := found[f.did.String()]
		why := known.differs(f.result.Bytes, f.sums)
		if known.DIDType == "" || why == "" && (known.GUID == "" || strings.EqualFold(known.GUID, f.result.GUID)) {
			continue
		}
		f.known = known // somebody else's: there is no rule to be made
		f.result.GUID = cmp.Or(known.GUID, f.result.GUID)
		if why != "" {
			f.fail(f.isOther(why))
			u.withdraw(ctx, f)
		}
	}
}

// withdraw gives up a replica that is registered. Only servers can take it out of the catalogue, which they do when nothing
// holds it.
func (u *upload) withdraw(ctx context.Context, f *uploadFile) {
	u.takeBack(ctx, f)
	unavailable := f.did
	unavailable.Extra = map[string]any{"state": "U"}
	err := u.c.UpdateReplicasStates(ctx, f.result.RSE, []rucio.DID{unavailable})
	if err == nil {
		err = u.c.SetTombstone(ctx, []rucio.ReplicaName{{Scope: f.did.Scope, Name: f.did.Name, RSE: f.result.RSE}})
	}
	if err != nil {
		f.fail(&registrationError{refuse("upload", classOf(f.result.Err), "%v; and its replica on %s has to be declared bad: %v", f.result.Err, f.result.RSE, err)})
	}
}

// afterRefusal looks into what became of files that could not be registered. Another upload may have registered them, here or
// on another RSE at the same moment; else their bytes go.
func (u *upload) afterRefusal(ctx context.Context, files []*uploadFile) {
	if len(files) == 0 {
		return
	}
	wasNew := map[*uploadFile]bool{}
	for _, f := range files {
		wasNew[f] = f.known.DIDType == ""
	}
	if err := u.learn(ctx, files); err != nil {
		for _, f := range files {
			f.fail(&registrationError{refuse("upload", classOf(f.result.Err), "%v (it is not known whether it is registered: its bytes are left as %s)", f.result.Err, f.result.PFN)})
		}
		return
	}
	var again []*uploadFile
	for _, f := range files {
		same := f.known.DIDType != "" && f.known.differs(f.result.Bytes, f.sums) == ""
		switch {
		case same && f.known.state == replicaAvailable:
			f.forgive()
		case same && !f.known.registered() && wasNew[f]:
			f.forgive()
			again = append(again, f)
		default:
			u.takeBack(ctx, f)
		}
	}
	if len(again) > 0 {
		u.addReplicas(ctx, again) // the file exists now, so that this comes here but once
	}
}
