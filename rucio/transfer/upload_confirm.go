package transfer

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
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
			u.concede(ctx, f)
		}
	}
}

// agree sees to it that new files of one name, which go to several RSEs, are one file. As if they came one after the other, the
// first makes it known, and the others are its further replicas.
func (u *upload) agree(ctx context.Context, files []*uploadFile) {
	first := map[string]*uploadFile{}
	for _, f := range files {
		did := f.did.String()
		switch {
		case f.known.DIDType != "":
		case first[did] == nil:
			first[did] = f
		default:
			f.known = first[did].asKnown()
			if why := f.known.differs(f.result.Bytes, f.sums); why != "" {
				f.fail(f.isOther(why))
				u.takeBack(ctx, f)
			}
			f.result.GUID = f.known.GUID
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
		f.known, f.known.state = known, replicaAvailable // somebody else's: there is no rule to be made
		f.result.GUID = cmp.Or(known.GUID, f.result.GUID)
		if why != "" {
			f.fail(f.isOther(why))
			u.concede(ctx, f)
		}
	}
}

// concede cleans up after an upload that came second. Where its bytes are in the place of a registered replica, be it that of
// the first or its own, nobody must read them; the first may be about to put that right.
func (u *upload) concede(ctx context.Context, f *uploadFile) {
	if !f.sent || !f.known.registered() {
		u.takeBack(ctx, f)
		return
	}
	reason := f.result.Err
	if err := u.disown(ctx, f); err != nil {
		f.fail(&registrationError{refuse("upload", classOf(reason), "%v; and the replica on %s may have these bytes instead of the right ones: %v", reason, f.result.RSE, err)})
	}
}

func (u *upload) disown(ctx context.Context, f *uploadFile) error {
	at, err := u.place(f, f.result.PFN, f.result.Scheme)
	if err != nil {
		return err
	}
	isTheirs := func() (bool, error) {
		other, err := at.differs(ctx, *f.known.Bytes, f.known.sums(), -1)
		if storage.Is(err, storage.NotFound) {
			return true, nil // who is registered sees to it
		}
		return err == nil && other == "", err
	}
	set := func(state string) error {
		file := f.did
		file.Extra = map[string]any{"state": state}
		return u.c.UpdateReplicasStates(ctx, f.result.RSE, []rucio.DID{file})
	}
	if theirs, err := isTheirs(); err != nil || theirs {
		return err
	}
	if err := set("U"); err != nil {
		return err
	}
	if at.Features().Exclusive { // nobody can have come in between: replica and bytes are this upload's
		_ = u.c.SetTombstone(ctx, []rucio.ReplicaName{{Scope: f.did.Scope, Name: f.did.Name, RSE: f.result.RSE}}) // for a server to take it away
		return at.remove(ctx)
	}
	if theirs, err := isTheirs(); err == nil && theirs {
		return set("A")
	}
	return nil
}

// hold sees to it that files which are registered now have their own bytes: where a storage lets two rename to one name, another
// upload may have come in between. It is not registered, and will not come again. A storage that does not answer keeps nobody
// waiting who has given up: the files are registered, and must have their rules.
func (u *upload) hold(wanted, ctx context.Context, files []*uploadFile) {
	u.someAtOnce(files, func(f *uploadFile) {
		if !f.sent || f.site.isSet("skip_upload_stat") {
			return
		}
		if at, err := u.place(f, f.result.PFN, f.result.Scheme); err == nil && !at.Features().Exclusive {
			u.holdOne(wanted, ctx, f, at)
		}
	})
}

// someAtOnce does something with each file, with as many at a time as move.
func (u *upload) someAtOnce(files []*uploadFile, do func(*uploadFile)) {
	turns := make(chan struct{}, u.m.setup.Workers)
	var all sync.WaitGroup
	for _, f := range files {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			do(f)
		})
	}
	all.Wait()
}

// readAgain is how large a file may be that is read to know whether it is the right one.
const readAgain = 1 << 20

// holdAttempts is how often a file is sent again: others give up once they know that they have come second.
const holdAttempts = 6

func (u *upload) holdOne(wanted, ctx context.Context, f *uploadFile, at *place) {
	f.owned = true
	other, err := u.lookOnce(wanted, f, at)
	for attempt := 1; ; attempt++ {
		if attempt > 1 { // what was sent again has to be seen
			other, err = at.differs(ctx, f.result.Bytes, f.sums, readAgain)
		}
		switch {
		case storage.Is(err, storage.NotFound):
			other = "it is gone"
		case err != nil:
			u.m.setup.Log.WarnContext(ctx, "upload: it can't be seen whether the file is still there", "did", f.did.String(), "rse", f.result.RSE, "error", err)
			return
		case other == "" && attempt == 1:
			return
		case other == "":
			err = u.c.UpdateReplicasStates(ctx, f.result.RSE, replicasOf([]*uploadFile{f}))
		}
		if other != "" && attempt < holdAttempts {
			u.m.setup.Log.WarnContext(ctx, "upload: another upload has taken the place of a file, which is sent again", "did", f.did.String(), "rse", f.result.RSE, "reason", other)
			_, err = u.send(ctx, f, at, true)
			switch storage.KindOf(err) {
			case storage.NotFound, storage.Corrupt, storage.Exists: // others are still at it; or a cluster has more of them
				continue
			}
			if err == nil {
				continue // to see whether it stays
			}
		}
		if other != "" && err == nil {
			err = errors.New(other)
		}
		if err != nil {
			f.fail(&registrationError{refuse("upload", classOf(err), "%s is registered on %s, but another upload has taken its place: %v", f.did, f.result.RSE, err)})
		}
		return
	}
}

// lookOnce tells how what is at a place differs from a file, in the time that its transfer may take.
func (u *upload) lookOnce(ctx context.Context, f *uploadFile, at *place) (other string, err error) {
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	return at.differs(ctx, f.result.Bytes, f.sums, readAgain)
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
