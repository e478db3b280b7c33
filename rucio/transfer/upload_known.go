package transfer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// askedAtOnce is how many DIDs the catalogue is asked for in one call.
const askedAtOnce = 250

// knownFile is what the catalogue knows of a file; the zero value is that it knows none of this name.
type knownFile struct {
	DIDType string `json:"did_type"` // FILE, DATASET or CONTAINER
	Bytes   *int64 `json:"bytes"`
	Adler32 string `json:"adler32"`
	MD5     string `json:"md5"`
	GUID    string `json:"guid"`
	Open    *bool  `json:"is_open"`

	refused error    // the name is none
	state   string   // of the replica on the file's RSE; empty when there is none
	pfns    []string // of that
}

// The states of replicas, as the catalogue lists them.
const (
	replicaAvailable = "AVAILABLE"
	replicaDeleted   = "BEING_DELETED"
)

// registered tells whether the catalogue has a replica on the file's RSE.
func (k knownFile) registered() bool { return k.state != "" }

// asKnown is what the catalogue will know of a file.
func (f *uploadFile) asKnown() knownFile {
	return knownFile{DIDType: "FILE", Bytes: &f.result.Bytes, Adler32: f.sums["adler32"], MD5: f.sums["md5"], GUID: f.result.GUID}
}

// sums are the checksums that the catalogue has.
func (k knownFile) sums() map[string]string {
	return map[string]string{"adler32": storage.NormalChecksum("adler32", k.Adler32), "md5": storage.NormalChecksum("md5", k.MD5)}
}

// differs tells what speaks against content of this size and with these checksums being the file's; unknown checksums don't.
func (k knownFile) differs(size int64, sums map[string]string) string {
	if k.DIDType != "FILE" {
		return "it is a " + strings.ToLower(k.DIDType)
	}
	if k.Bytes != nil && *k.Bytes != size {
		return "it has " + itoa(int(*k.Bytes)) + " bytes, not " + itoa(int(size))
	}
	for _, algorithm := range []string{"adler32", "md5"} {
		theirs, ours := k.sums()[algorithm], sums[algorithm]
		if theirs != "" && ours != "" && theirs != ours {
			return "its " + algorithm + " is " + theirs + ", not " + ours
		}
	}
	return ""
}

// isOther is the error of a file whose DID is that of other content.
func (f *uploadFile) isOther(why string) error {
	return &registrationError{refuse("upload", rucio.ErrDataIdentifierAlreadyExists, "%s exists, and is not this file: %s", f.did, why)}
}

// metadata asks the catalogue what it knows of DIDs; those that do not exist are not in the answer. What it does not take for a
// name has an error.
func (u *upload) metadata(ctx context.Context, dids []rucio.DID) (found map[string]knownFile, err error) {
	found = map[string]knownFile{}
	ask := func(dids []rucio.DID) error {
		for row, err := range u.c.GetMetadataBulk(ctx, dids, nil) {
			if err != nil {
				return err
			}
			var known knownFile
			if err := row.Decode(&known); err != nil {
				return err
			}
			found[row.Scope+":"+row.Name] = known
		}
		return nil
	}
	for some := range slices.Chunk(dids, askedAtOnce) {
		inHalves(some, ask, func(did rucio.DID, refused error) {
			if errors.Is(refused, rucio.ErrInvalidObject) {
				found[did.String()] = knownFile{refused: refused}
			} else {
				err = refused
			}
		})
	}
	return found, err
}

// askCatalogue finds out what is known of the files that are to be registered. Those whose size is another one fail.
func (u *upload) askCatalogue(ctx context.Context) error {
	files := slices.DeleteFunc(u.todo(), func(f *uploadFile) bool { return !f.registers() })
	if err := u.learn(ctx, files); err != nil {
		return err
	}
	for _, f := range files {
		if f.known.refused != nil {
			f.fail(&registrationError{f.known.refused})
		}
		if f.known.DIDType == "" {
			continue
		}
		f.result.GUID = cmp.Or(f.known.GUID, f.result.GUID)
		if why := f.known.differs(f.result.Bytes, nil); why != "" {
			f.fail(f.isOther(why))
		} else if f.known.state == replicaDeleted {
			f.fail(&registrationError{refuse("upload", rucio.ErrReplicaUnAvailable, "the replica of %s on %s is being deleted", f.did, f.result.RSE)})
		} else if f.pfn != "" && f.known.registered() && !slices.Contains(f.known.pfns, f.pfn) {
			f.fail(&registrationError{refuse("upload", rucio.ErrFileReplicaAlreadyExists, "%s is on %s already, as %s", f.did, f.result.RSE, strings.Join(f.known.pfns, ", "))})
		}
	}
	return nil
}

// learn asks the catalogue for the metadata of files, and for the replicas of those that exist.
func (u *upload) learn(ctx context.Context, files []*uploadFile) error {
	found, err := u.metadata(ctx, didsOf(files))
	if err != nil {
		return err
	}
	var existing []*uploadFile
	for _, f := range files {
		if f.known = found[f.did.String()]; f.known.DIDType == "FILE" {
			existing = append(existing, f)
		}
	}
	return u.learnReplicas(ctx, existing)
}

// learnReplicas asks the catalogue for the replicas of files that exist.
func (u *upload) learnReplicas(ctx context.Context, files []*uploadFile) error {
	for some := range slices.Chunk(files, askedAtOnce) {
		by := map[string][]*uploadFile{} // one DID may be for several RSEs
		for _, f := range some {
			f.known.state, f.known.pfns = "", nil
			by[f.did.String()] = append(by[f.did.String()], f)
		}
		for row, err := range u.c.ListReplicas(ctx, didsOf(some), &rucio.ListReplicasOptions{AllStates: true}) {
			if err != nil {
				return err
			}
			for _, f := range by[row.Scope+":"+row.Name] {
				f.known.state, f.known.pfns = row.States[f.result.RSE], row.RSEs[f.result.RSE]
			}
		}
	}
	return nil
}

// didsOf names files, each once.
func didsOf(files []*uploadFile) []rucio.DID {
	var dids []rucio.DID
	seen := map[string]bool{}
	for _, f := range files {
		if !seen[f.did.String()] {
			seen[f.did.String()] = true
			dids = append(dids, f.did)
		}
	}
	return dids
}
