package rucio

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// decodes runs a row through a result's decoder, as an object and as an element of a list, and sees that the result keeps it.
func decodes[T any, P result[T]](t *testing.T, row []byte) {
	t.Helper()
	c, r := &Client{shared: &shared{}}, get("m", "/")
	v, err := decode[T, P](c, r, row)
	if err == nil {
		if kept, ok := any(v).(interface{ JSON() json.RawMessage }); !ok || !bytes.Equal(kept.JSON(), row) {
			t.Errorf("%T does not keep %q", v, row)
		}
	}
	var failed *Error
	if err != nil && !errors.As(err, &failed) {
		t.Errorf("%T of %q: %v is no *Error", v, row, err)
	}
	decodeRow[T, P](c, r, row, func(v *T, err error) bool {
		if (v == nil) == (err == nil) {
			t.Errorf("%T of %q: got %v, %v", v, row, v, err)
		}
		return true
	})
}

// FuzzResults sees that results of all kinds take any JSON for an answer without a panic: it is kept as it came, or the error is
// an *Error.
func FuzzResults(f *testing.F) {
	for _, seed := range []string{
		`{"rse": "A", "bytes": 1e999, "expires_at": "Sat, 31 Jan 2026 12:00:00 UTC"}`, `[{"bytes": 12.0}, {"bytes": -1}]`, `null`, `"text"`,
		`[[], null, 1]`, `{"rses": {"A": ["x"]}, "pfns": {"x": {"priority": 1}}, "states": {"A": "AVAILABLE"}}`,
		`{"protocols": [{"domains": {"wan": {"read": 1}}}]}`, `["RULE", "DATASET"]`, `{"limit": {"bytes": 9223372036854775808}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		row = pureJSON(bytes.TrimSpace(row))
		if !json.Valid(row) {
			t.Skip()
		}
		for _, decodes := range []func(*testing.T, []byte){
			decodes[Account], decodes[AccountAttribute], decodes[AccountQuotaUsage], decodes[AccountSummary],
			decodes[AccountUsageRecord], decodes[Content], decodes[DIDInfo], decodes[DIDMetadata], decodes[DIDOfPFN],
			decodes[DatasetLock], decodes[DatasetReplica], decodes[Distance], decodes[Export], decodes[File], decodes[FoundDID],
			decodes[Identity], decodes[LifetimeException], decodes[Object], decodes[OpenDataDID], decodes[OpenDataList],
			decodes[OpenDataUpdate], decodes[ParentDID], decodes[PastContent], decodes[PastRule], decodes[Protocols], decodes[RSE],
			decodes[RSEUsage], decodes[Replica], decodes[ReplicaLock], decodes[RequestedExceptions], decodes[Rule],
			decodes[RuleAnalysis], decodes[ScopeOwner], decodes[ServerInfo], decodes[Subscription], decodes[SubscriptionRuleState],
			decodes[SuspiciousReplica], decodes[TransferLimit], decodes[TransferRequest], decodes[TreeDID], decodes[VirtualPlacement],
		} {
			decodes(t, row)
		}
	})
}
