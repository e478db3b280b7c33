package rucio

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
)

// replicaChunk is how many replicas the Python client sends in one request where it sends several.
const replicaChunk = 1000

// ReplicaName names a replica: by its PFN or, without one, by scope, name and RSE.
//
//rucio:kind replica
type ReplicaName struct {
	PFN   string         `json:"-"`
	Scope string         `json:"scope,omitempty"`
	Name  string         `json:"name,omitempty"`
	RSE   string         `json:"rse,omitempty"`
	RSEID string         `json:"rse_id,omitempty"` // instead of RSE
	Extra map[string]any `json:"-"`                // what else the server takes
}

// MarshalJSON implements json.Marshaler. A PFN is a string.
func (r ReplicaName) MarshalJSON() ([]byte, error) {
	if r.PFN != "" {
		return json.Marshal(r.PFN)
	}
	type plain ReplicaName
	return marshalExtra(plain(r), r.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *ReplicaName) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &r.PFN)
	}
	type plain ReplicaName
	return unmarshalExtra(data, (*plain)(r), &r.Extra)
}

// DeclareBadFileReplicasOptions refine DeclareBadFileReplicas.
type DeclareBadFileReplicasOptions struct {
	Force bool `py:"force=False"` // those as well that are known to be bad
}

// DeclareBadFileReplicas says that replicas are lost or corrupt, so that Rucio makes new copies. It returns those that it could
// not declare, with the reason, by name of the RSE; "unknown" for PFNs of no RSE. The replicas are sent in requests of 1000. It
// fails with ErrReplicaNotFound, ErrRSENotFound, ErrInvalidType and ErrAccessDenied.
//
//rucio:method ReplicaClient.declare_bad_file_replicas POST /replicas/bad
//rucio:param replicas PFNs, or maps with scope, name and rse or rse_id; not both kinds
//rucio:param reason for people
func (c *Client) DeclareBadFileReplicas(ctx context.Context, replicas []ReplicaName, reason string, o *DeclareBadFileReplicasOptions) (map[string][]string, error) {
	o = withDefaults(o)
	undeclared := map[string][]string{}
	for chunk := range slices.Chunk(replicas, replicaChunk) {
		some, err := value[map[string][]string](ctx, c, post("declare_bad_file_replicas", "/replicas/bad").
			json(fields{"reason": reason, "replicas": chunk, "force": o.Force}))
		if err != nil {
			return nil, err
		}
		for rse, names := range some {
			undeclared[rse] = append(undeclared[rse], names...)
		}
	}
	return undeclared, nil
}

// DeclareBadDIDReplicas says that the replicas of files on an RSE are lost or corrupt, so that Rucio makes new copies. It returns
// those that it could not declare, with the reason. It fails with ErrRSENotFound and ErrAccessDenied.
//
//rucio:method ReplicaClient.declare_bad_did_replicas POST /replicas/bad/dids
//rucio:param dids files, each with scope and name
//rucio:param reason for people
func (c *Client) DeclareBadDIDReplicas(ctx context.Context, rse string, dids []DID, reason string) ([]string, error) {
	return value[[]string](ctx, c, post("declare_bad_did_replicas", "/replicas/bad/dids").
		json(fields{"reason": reason, "rse": rse, "dids": orEmpty(dids)}))
}

// DeclareSuspiciousFileReplicas says that replicas may be lost or corrupt. It returns those that it could not declare, with the
// reason, by name of the RSE. PFNs of no RSE make servers fail without a word.
//
//rucio:method ReplicaClient.declare_suspicious_file_replicas POST /replicas/suspicious
//rucio:param pfns of the replicas
//rucio:param reason for people
func (c *Client) DeclareSuspiciousFileReplicas(ctx context.Context, pfns []string, reason string) (map[string][]string, error) {
	return value[map[string][]string](ctx, c, post("declare_suspicious_file_replicas", "/replicas/suspicious").
		json(fields{"reason": reason, "pfns": orEmpty(pfns)}))
}

// SuspiciousReplica is a row of ListSuspiciousReplicas.
type SuspiciousReplica struct {
	Object
	Scope     string `json:"scope"`
	Name      string `json:"name"`
	RSE       string `json:"rse"`
	RSEID     string `json:"rse_id"`
	Count     int    `json:"cnt"`        // how often it was declared suspicious
	CreatedAt Time   `json:"created_at"` // of the replica
}

// ListSuspiciousReplicasOptions narrow ListSuspiciousReplicas.
type ListSuspiciousReplicasOptions struct {
	RSEExpression string `py:"rse_expression=None"` // replicas on these RSEs only
	YoungerThan   Time   `py:"younger_than=None"`   // counts what was declared since, in the last ten days when absent
	NAttempts     int    `py:"nattempts=None"`      // replicas that were declared more often than this
}

// ListSuspiciousReplicas lists replicas that were declared suspicious and not bad since. Raw, it is one row: a list of all. A time
// is sent in the form that servers read, in which Python's client sends text only. It fails with ErrInvalidRSEExpression.
//
//rucio:method ReplicaClient.list_suspicious_replicas GET /replicas/suspicious
func (c *Client) ListSuspiciousReplicas(ctx context.Context, o *ListSuspiciousReplicasOptions) iter.Seq2[*SuspiciousReplica, error] {
	o = withDefaults(o)
	r := get("list_suspicious_replicas", "/replicas/suspicious").
		query("rse_expression", o.RSEExpression).query("younger_than", o.YoungerThan.iso())
	if o.NAttempts != 0 {
		r.query("nattempts", o.NAttempts)
	}
	return stream[SuspiciousReplica](ctx, c, r)
}

// AddBadPFNs declares replicas BAD, SUSPICIOUS or, until expiresAt, TEMPORARY_UNAVAILABLE; the server's minos daemon finds out
// which they are. expiresAt is nil but for TEMPORARY_UNAVAILABLE, and at most 30 days ahead; any time will do, whereas Python's
// client takes text with a fraction of a second only. It fails with ErrInputValidationError and ErrAccessDenied.
//
//rucio:method ReplicaClient.add_bad_pfns POST /replicas/bad/pfns
//rucio:param pfns of the replicas
//rucio:param reason for people
//rucio:param state BAD, SUSPICIOUS or TEMPORARY_UNAVAILABLE
//rucio:param expires_at end of TEMPORARY_UNAVAILABLE, null for the others
func (c *Client) AddBadPFNs(ctx context.Context, pfns []string, reason, state string, expiresAt *Time) error {
	var expires any
	if expiresAt != nil {
		expires = orNull(expiresAt.format("2006-01-02T15:04:05.000000"))
	}
	return exec(ctx, c, post("add_bad_pfns", "/replicas/bad/pfns").
		json(fields{"reason": reason, "pfns": orEmpty(pfns), "state": state, "expires_at": expires}))
}

// QuarantinedReplica is a file on an RSE that the catalogue does not know, or not as it should.
//
//rucio:kind map
type QuarantinedReplica struct {
	Path  string         `json:"path,omitempty"`
	Scope string         `json:"scope,omitempty"` // if it is known
	Name  string         `json:"name,omitempty"`  // if it is known
	Extra map[string]any `json:"-"`               // what else the server takes
}

// MarshalJSON implements json.Marshaler.
func (r QuarantinedReplica) MarshalJSON() ([]byte, error) {
	type plain QuarantinedReplica
	return marshalExtra(plain(r), r.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *QuarantinedReplica) UnmarshalJSON(data []byte) error {
	type plain QuarantinedReplica
	return unmarshalExtra(data, (*plain)(r), &r.Extra)
}

// QuarantineReplicasOptions name the RSE of QuarantineReplicas, one way.
type QuarantineReplicasOptions struct {
	RSE   string `py:"rse=None"`    // its name
	RSEID string `py:"rse_id=None"` // its id
}

// QuarantineReplicas has files deleted from an RSE that the catalogue does not know, by the dark-reaper daemon. Replicas that it
// does know are left alone. The files are sent in requests of 1000. It fails with ErrValueError unless exactly one of name and id
// of the RSE is given, with ErrRSENotFound, with ErrInputValidationError when a path is missing, and with ErrDatabaseException when
// there is nothing new to quarantine.
//
//rucio:method ReplicaClient.quarantine_replicas POST /replicas/quarantine
//rucio:param replicas each with path and, if known, scope and name
//rucio:none
func (c *Client) QuarantineReplicas(ctx context.Context, replicas []QuarantinedReplica, o *QuarantineReplicasOptions) error {
	o = withDefaults(o)
	if (o.RSE == "") == (o.RSEID == "") {
		return argumentError("quarantine_replicas", ErrValueError, "either RSE name or RSE id must be specified, but not both")
	}
	for chunk := range slices.Chunk(replicas, replicaChunk) {
		if err := exec(ctx, c, post("quarantine_replicas", "/replicas/quarantine").
			json(fields{"rse": orNull(o.RSE), "rse_id": orNull(o.RSEID), "replicas": chunk})); err != nil {
			return err
		}
	}
	return nil
}
