package rucio

import (
	"context"
	"iter"
)

// Rule is a replication rule.
type Rule struct {
	Object
	ID                      string `json:"id"`
	SubscriptionID          string `json:"subscription_id"`
	Account                 string `json:"account"`
	Scope                   string `json:"scope"`
	Name                    string `json:"name"`
	DIDType                 string `json:"did_type"`
	State                   string `json:"state"` // OK, REPLICATING, STUCK, SUSPENDED, WAITING_APPROVAL or INJECT
	Error                   string `json:"error"`
	RSEExpression           string `json:"rse_expression"`
	SourceReplicaExpression string `json:"source_replica_expression"`
	Copies                  int    `json:"copies"`
	Priority                int    `json:"priority"`
	Grouping                string `json:"grouping"` // ALL, DATASET or NONE
	Notification            string `json:"notification"`
	Weight                  string `json:"weight"`
	Activity                string `json:"activity"`
	Comments                string `json:"comments"`
	Meta                    any    `json:"meta"`
	Locked                  bool   `json:"locked"`
	PurgeReplicas           bool   `json:"purge_replicas"`
	IgnoreAvailability      bool   `json:"ignore_availability"`
	IgnoreAccountLimit      bool   `json:"ignore_account_limit"`
	SplitContainer          bool   `json:"split_container"`
	ChildRuleID             string `json:"child_rule_id"`
	LocksOK                 int    `json:"locks_ok_cnt"`
	LocksReplicating        int    `json:"locks_replicating_cnt"`
	LocksStuck              int    `json:"locks_stuck_cnt"`
	Bytes                   *int64 `json:"bytes"`
	CreatedAt               Time   `json:"created_at"`
	UpdatedAt               Time   `json:"updated_at"`
	ExpiresAt               Time   `json:"expires_at"`
	StuckAt                 Time   `json:"stuck_at"`
	EOLAt                   Time   `json:"eol_at"`
}

// AddReplicationRuleOptions are the terms of a new rule.
type AddReplicationRuleOptions struct {
	Priority                *int   `py:"priority=3"`                     // of its transfers, 1 to 5
	Lifetime                *int   `py:"lifetime=None"`                  // seconds until the rule is removed; for ever when absent
	Grouping                string `py:"grouping='DATASET'"`             // which replicas stay together: ALL, DATASET or NONE
	Notify                  string `py:"notify='N'"`                     // when to tell the owner: Y, N, C (closed) or P (progress)
	SourceReplicaExpression string `py:"source_replica_expression=None"` // RSEs to copy from
	Activity                string `py:"activity=None"`                  // share of the transfers; the server's default when absent
	Account                 string `py:"account=None"`                   // owner of the rule; the caller when absent
	Meta                    string `py:"meta=None"`                      // text for whoever made the rule, often JSON
	IgnoreAvailability      bool   `py:"ignore_availability=False"`      // RSEs that cannot be written to now as well
	PurgeReplicas           bool   `py:"purge_replicas=False"`           // remove the replicas at once when the rule goes
	AskApproval             bool   `py:"ask_approval=False"`             // wait for ApproveReplicationRule
	Asynchronous            bool   `py:"asynchronous=False"`             // let a daemon of the server make the rule
	Locked                  bool   `py:"locked=False"`                   // not to be deleted
	DelayInjection          *int   `py:"delay_injection=None"`           // seconds until the rule is made
	Comment                 string `py:"comment=None"`
	Weight                  string `py:"weight=None"` // RSE attribute to weigh RSEs by
}

// AddReplicationRule asks for copies of DIDs on RSEs, a rule for each DID, and returns the ids of the rules.
//
//rucio:method RuleClient.add_replication_rule POST /rules/
//rucio:param copies how many replicas of each file
func (c *Client) AddReplicationRule(ctx context.Context, dids []DID, copies int, rseExpression string, o *AddReplicationRuleOptions) ([]string, error) {
	o = withDefaults(o)
	return value[[]string](ctx, c, post("add_replication_rule", "/rules/").json(fields{
		"dids": orEmpty(dids), "copies": copies, "rse_expression": rseExpression, "weight": orNull(o.Weight), "lifetime": o.Lifetime,
		"grouping": o.Grouping, "account": orNull(o.Account), "locked": o.Locked,
		"source_replica_expression": orNull(o.SourceReplicaExpression), "activity": orNull(o.Activity), "notify": o.Notify,
		"purge_replicas": o.PurgeReplicas, "ignore_availability": o.IgnoreAvailability, "comment": orNull(o.Comment),
		"ask_approval": o.AskApproval, "asynchronous": o.Asynchronous, "delay_injection": o.DelayInjection,
		"priority": o.Priority, "meta": orNull(o.Meta),
	}))
}

// DeleteReplicationRuleOptions refine DeleteReplicationRule.
type DeleteReplicationRuleOptions struct {
	PurgeReplicas *bool `py:"purge_replicas=None"` // remove the replicas at once
}

// DeleteReplicationRule removes a rule, or fails with ErrRuleNotFound.
//
//rucio:method RuleClient.delete_replication_rule DELETE /rules/{rule_id}
func (c *Client) DeleteReplicationRule(ctx context.Context, ruleID string, o *DeleteReplicationRuleOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, del("delete_replication_rule", "/rules/{rule_id}", ruleID).json(fields{"purge_replicas": o.PurgeReplicas}))
}

// GetReplicationRule returns a rule, or ErrRuleNotFound.
//
//rucio:method RuleClient.get_replication_rule GET /rules/{rule_id}
func (c *Client) GetReplicationRule(ctx context.Context, ruleID string) (*Rule, error) {
	return one[Rule](ctx, c, get("get_replication_rule", "/rules/{rule_id}", ruleID))
}

// ApproveReplicationRule lets a rule that waits for approval go ahead.
//
//rucio:method RuleClient.approve_replication_rule PUT /rules/{rule_id}
func (c *Client) ApproveReplicationRule(ctx context.Context, ruleID string) error {
	return exec(ctx, c, put("approve_replication_rule", "/rules/{rule_id}", ruleID).
		json(fields{"options": fields{"approve": true}}))
}

// ListReplicationRulesOptions narrow ListReplicationRules.
type ListReplicationRulesOptions struct {
	Filters map[string]any `py:"filters=None"` // fields of the rule by name: account, scope, name, rse_expression, state ...
}

// ListReplicationRules lists rules.
//
//rucio:method RuleClient.list_replication_rules GET /rules/
func (c *Client) ListReplicationRules(ctx context.Context, o *ListReplicationRulesOptions) iter.Seq2[*Rule, error] {
	o = withDefaults(o)
	return stream[Rule](ctx, c, get("list_replication_rules", "/rules/").queryMap(o.Filters))
}

// ListDIDRules lists the rules on a DID itself, not those on what holds it, or fails with ErrDataIdentifierNotFound.
//
//rucio:method DIDClient.list_did_rules GET /dids/{scope}/{name}/rules
func (c *Client) ListDIDRules(ctx context.Context, scope, name string) iter.Seq2[*Rule, error] {
	return stream[Rule](ctx, c, get("list_did_rules", "/dids/{scope}/{name}/rules", scope, name))
}

// ListAssociatedRulesForFile lists the rules that a file is held by: those on it and on all that hold it. It fails with
// ErrDataIdentifierNotFound when there is no such DID.
//
//rucio:method DIDClient.list_associated_rules_for_file GET /dids/{scope}/{name}/associated_rules
func (c *Client) ListAssociatedRulesForFile(ctx context.Context, scope, name string) iter.Seq2[*Rule, error] {
	return stream[Rule](ctx, c, get("list_associated_rules_for_file", "/dids/{scope}/{name}/associated_rules", scope, name))
}
