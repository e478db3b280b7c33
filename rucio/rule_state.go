package rucio

import (
	"context"
	"iter"
)

// PastRule is a row of ListReplicationRuleFullHistory: a state that a rule was in, or is in now.
type PastRule struct {
	Object
	RuleID           string `json:"rule_id"`
	Account          string `json:"account"`
	RSEExpression    string `json:"rse_expression"`
	State            string `json:"state"`
	LocksOK          int    `json:"locks_ok_cnt"`
	LocksReplicating int    `json:"locks_replicating_cnt"`
	LocksStuck       int    `json:"locks_stuck_cnt"`
	CreatedAt        Time   `json:"created_at"`
	UpdatedAt        Time   `json:"updated_at"`
}

// ListReplicationRuleFullHistory lists the rules that a DID has and had; nothing when there is no such DID.
//
//rucio:method RuleClient.list_replication_rule_full_history GET /rules/{scope}/{name}/history
func (c *Client) ListReplicationRuleFullHistory(ctx context.Context, scope, name string) iter.Seq2[*PastRule, error] {
	return stream[PastRule](ctx, c, get("list_replication_rule_full_history", "/rules/{scope}/{name}/history", scope, name))
}

// RuleAnalysis says why a rule is not OK.
type RuleAnalysis struct {
	Object
	RuleError string          `json:"rule_error"` // a sentence about the state of the rule, or the error that it is STUCK with
	Transfers []StuckTransfer `json:"transfers"`  // of files that are stuck
}

// StuckTransfer tells of the attempts to bring a file to an RSE.
type StuckTransfer struct {
	Scope      string  `json:"scope"`
	Name       string  `json:"name"`
	RSEID      string  `json:"rse_id"`
	RSE        string  `json:"rse"`
	Attempts   int     `json:"attempts"`
	LastError  string  `json:"last_error"`  // state of the last request
	LastSource string  `json:"last_source"` // RSE that it copied from
	LastTime   Time    `json:"last_time"`
	Sources    [][]any `json:"sources"` // RSEs with a replica: name, and whether it can be read now
}

// ExamineReplicationRule says why a rule is not OK, or fails with ErrRuleNotFound.
//
//rucio:method RuleClient.examine_replication_rule GET /rules/{rule_id}/analysis
func (c *Client) ExamineReplicationRule(ctx context.Context, ruleID string) (*RuleAnalysis, error) {
	return one[RuleAnalysis](ctx, c, get("examine_replication_rule", "/rules/{rule_id}/analysis", ruleID))
}

// ReplicaLock is a row of ListReplicaLocks: a replica that a rule holds or asks for.
type ReplicaLock struct {
	Object
	Scope  string `json:"scope"`
	Name   string `json:"name"`
	RSEID  string `json:"rse_id"`
	RSE    string `json:"rse"`
	State  string `json:"state"` // OK, REPLICATING or STUCK
	RuleID string `json:"rule_id"`
}

// ListReplicaLocks lists the locks of a rule, a row a replica; nothing when there is no such rule.
//
//rucio:method RuleClient.list_replica_locks GET /rules/{rule_id}/locks
func (c *Client) ListReplicaLocks(ctx context.Context, ruleID string) iter.Seq2[*ReplicaLock, error] {
	return stream[ReplicaLock](ctx, c, get("list_replica_locks", "/rules/{rule_id}/locks", ruleID))
}
