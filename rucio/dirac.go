package rucio

import "context"

// DiracFile is a file to be registered by AddFiles.
//
//rucio:kind map
type DiracFile struct {
	LFN     string         `json:"lfn"` // logical file name, a path: the server reads the scope from it
	RSE     string         `json:"rse"`
	Bytes   int64          `json:"bytes"`
	Adler32 string         `json:"adler32,omitempty"`
	GUID    string         `json:"guid,omitempty"`
	PFN     string         `json:"pfn,omitempty"` // where the RSE's algorithm does not say it
	Extra   map[string]any `json:"-"`             // what else the server takes, such as meta
}

// MarshalJSON implements json.Marshaler.
func (f DiracFile) MarshalJSON() ([]byte, error) {
	type plain DiracFile
	return marshalExtra(plain(f), f.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *DiracFile) UnmarshalJSON(data []byte) error {
	type plain DiracFile
	return unmarshalExtra(data, (*plain)(f), &f.Extra)
}

// AddFilesOptions refine AddFiles.
type AddFilesOptions struct {
	IgnoreAvailability bool           `py:"ignore_availability=False"` // on RSEs that cannot be written to now as well
	ParentsMetadata    map[string]any `py:"parents_metadata=None"`     // of new datasets and containers: by name, key to value
}

// AddFiles registers files with their replicas for DIRAC, whose names are paths: of "/belle/raw/e7/f1" the dataset
// "/belle/raw/e7" is made with a rule for the RSEs with the attribute ANY=true, and containers for the folders above, of
// which the topmost must be there; each file gets a rule for its RSE. Files that exist are left as they are. It fails with
// ErrRSENotFound, ErrScopeNotFound, ErrInvalidPath, ErrUnsupportedOperation when a folder is a DID of another type,
// ErrInvalidRSEExpression when no RSE has ANY=true.
//
//rucio:method DiracClient.add_files POST /dirac/addfiles
//rucio:param lfns files, each with lfn, rse, bytes and adler32, and perhaps guid, pfn, meta
func (c *Client) AddFiles(ctx context.Context, lfns []DiracFile, o *AddFilesOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, post("add_files", "/dirac/addfiles").json(fields{
		"lfns": orEmpty(lfns), "ignore_availability": o.IgnoreAvailability, "parents_metadata": o.ParentsMetadata,
	}))
}
