package transfer

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

const (
	registeredAtOnce = 250             // files in one call
	registerPause    = 2 * time.Second // until files that have moved are registered, be they few
	lastRegistration = time.Minute     // what registering may take when the caller wants to stop
)

// register registers files that have moved, as many at once as there are, until the channel is closed. It goes on for a time
// when ctx is done: what has moved is worth it.
func (u *upload) register(ctx context.Context, moved <-chan *uploadFile) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastRegistration, cancel) })()
	var files []*uploadFile
	timer := time.NewTimer(registerPause)
	defer timer.Stop()
	for {
		select {
		case f, more := <-moved:
			if !more {
				u.registerFiles(ctx, late, files)
				return
			}
			if files = append(files, f); len(files) < registeredAtOnce {
				continue
			}
		case <-timer.C:
		}
		u.registerFiles(ctx, late, files)
		files = nil
		timer.Reset(registerPause)
	}
}

// registerFiles registers files whose bytes are where they should be, in the time that ctx has; what is only to make sure ends
// with wanted.
func (u *upload) registerFiles(wanted, ctx context.Context, files []*uploadFile) {
	if len(files) == 0 {
		return
	}
	slices.SortFunc(files, func(a, b *uploadFile) int { return cmp.Compare(a.index, b.index) })
	u.makeTree(ctx)
	var own []*uploadFile
	for _, f := range files {
		if f.registers() {
			own = append(own, f)
		}
	}
	u.lookAgain(ctx, own)
	u.agree(ctx, u.standing(own))
	own = u.standing(own)
	for _, f := range own {
		if f.dataset != nil {
			if err := u.make(ctx, f.dataset); err != nil {
				f.fail(&registrationError{err})
				u.takeBack(ctx, f)
			}
		}
	}
	own = u.standing(own)
	u.addReplicas(ctx, own)
	u.confirm(ctx, u.standing(own))
	u.hold(wanted, ctx, u.standing(own))
	own = u.standing(own)
	u.attach(ctx, own)
	u.addRules(ctx, own)
	u.addBitTorrent(ctx, u.standing(own))
	for _, f := range files {
		u.end(ctx, f)
	}
}

// standing are the files that have not failed.
func (u *upload) standing(files []*uploadFile) []*uploadFile {
	return slices.DeleteFunc(slices.Clone(files), func(f *uploadFile) bool { return f.result.State == UploadFailed })
}

// addReplicas registers replicas, and makes those available that are registered already.
func (u *upload) addReplicas(ctx context.Context, files []*uploadFile) {
	newOnes, waiting := map[string][]*uploadFile{}, map[string][]*uploadFile{}
	for _, f := range files {
		switch rse := f.result.RSE; {
		case !f.known.registered():
			newOnes[rse] = append(newOnes[rse], f)
		case f.known.state != replicaAvailable:
			waiting[rse] = append(waiting[rse], f)
		}
	}
	refused := eachRSE(newOnes, func(rse string, files []*uploadFile) error { return u.c.AddReplicas(ctx, rse, replicasOf(files), nil) })
	refused = append(refused, eachRSE(waiting, func(rse string, files []*uploadFile) error {
		return u.c.UpdateReplicasStates(ctx, rse, replicasOf(files))
	})...)
	u.afterRefusal(ctx, refused)
}

// eachRSE makes a call for the files of each RSE, many at once; it returns those that have failed.
func eachRSE(by map[string][]*uploadFile, call func(rse string, files []*uploadFile) error) (refused []*uploadFile) {
	for rse, all := range by {
		for some := range slices.Chunk(all, registeredAtOnce) {
			inHalves(some, func(files []*uploadFile) error { return call(rse, files) }, func(f *uploadFile, err error) {
				f.fail(&registrationError{err})
				refused = append(refused, f)
			})
		}
	}
	return refused
}

// replicasOf describes files for the catalogue, as Python's client does.
func replicasOf(files []*uploadFile) []rucio.DID {
	var replicas []rucio.DID
	for _, f := range files {
		meta := map[string]any{}
		for key, value := range f.meta {
			meta[key] = value
		}
		meta["guid"] = f.result.GUID
		extra := map[string]any{"bytes": f.result.Bytes, "adler32": f.sums["adler32"], "md5": f.sums["md5"], "meta": meta, "state": "A"}
		if f.pfn != "" {
			extra["pfn"] = f.pfn
		}
		replicas = append(replicas, rucio.DID{Scope: f.did.Scope, Name: f.did.Name, Extra: extra})
	}
	return replicas
}

// attach puts files into their datasets.
func (u *upload) attach(ctx context.Context, files []*uploadFile) {
	files = slices.DeleteFunc(slices.Clone(files), func(f *uploadFile) bool { return f.dataset == nil })
	for some := range slices.Chunk(files, registeredAtOnce) {
		inHalves(some, func(files []*uploadFile) error {
			var links []link
			for _, f := range files {
				links = append(links, link{in: f.dataset.did, did: f.did})
			}
			return u.c.AttachDIDsToDIDs(ctx, attachments(links), &rucio.AttachDIDsToDIDsOptions{IgnoreDuplicate: true})
		}, func(f *uploadFile, err error) {
			f.fail(&registrationError{refuse("upload", classOf(err), "the file is on %s and registered, but not in dataset %s: %v", f.result.RSE, f.dataset.did, err)})
		})
	}
}

// addRules makes a rule for each new file that goes into no dataset.
func (u *upload) addRules(ctx context.Context, files []*uploadFile) {
	type terms struct {
		rse      string
		lifetime int // -1 is none
	}
	files = slices.DeleteFunc(slices.Clone(files), func(f *uploadFile) bool { return f.dataset != nil })
	wants := make([]bool, len(u.files))
	u.someAtOnce(files, func(f *uploadFile) { wants[f.index] = f.known.DIDType == "" || u.unprotected(ctx, f) })
	by := map[terms][]*uploadFile{}
	for _, f := range files {
		if !wants[f.index] {
			continue
		}
		t := terms{f.result.RSE, -1}
		if f.lifetime != nil {
			t.lifetime = *f.lifetime
		}
		by[t] = append(by[t], f)
	}
	for t, all := range by {
		o := &rucio.AddReplicationRuleOptions{Activity: u.o.Activity, IgnoreAvailability: u.o.IgnoreAvailability, Lifetime: all[0].lifetime}
		for some := range slices.Chunk(all, registeredAtOnce) {
			inHalves(some, func(files []*uploadFile) error {
				_, err := u.c.AddReplicationRule(ctx, didsOf(files), 1, t.rse, o)
				return err
			}, func(f *uploadFile, err error) {
				if errors.Is(err, rucio.ErrDuplicateRule) {
					return // another upload's, or that of an earlier attempt
				}
				f.fail(&registrationError{refuse("upload", classOf(err), "the file is on %s and registered, but has no rule: %v", t.rse, err)})
			})
		}
	}
}

// unprotected tells whether a file that was there already is held by no rule at all: an upload was interrupted before it made
// one.
func (u *upload) unprotected(ctx context.Context, f *uploadFile) bool {
	if f.sent {
		return false // a further replica of a file that exists: Python's client makes no rule for it
	}
	for _, err := range u.c.ListAssociatedRulesForFile(ctx, f.did.Scope, f.did.Name) {
		if err != nil {
			u.m.setup.Log.WarnContext(ctx, "upload: it is not known whether a rule holds the file", "did", f.did.String(), "error", err)
		}
		return false
	}
	return true
}

// inHalves makes a call for all of something. If the server refuses, it is made for each half, and so on: one that is wrong does
// not keep the others from what they want.
func inHalves[T any](all []T, call func([]T) error, failed func(T, error)) {
	if len(all) == 0 {
		return
	}
	err := call(all)
	if err == nil {
		return
	}
	if len(all) == 1 || !aboutContent(err) {
		for _, one := range all {
			failed(one, err)
		}
		return
	}
	inHalves(all[:len(all)/2], call, failed)
	inHalves(all[len(all)/2:], call, failed)
}

// aboutContent tells whether the server has looked at what it was sent, and may like a part of it.
func aboutContent(err error) bool {
	var answer *rucio.Error
	if !errors.As(err, &answer) || answer.Status == 0 {
		return false
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return true
}
