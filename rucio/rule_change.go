package rucio

import "context"

// UpdateReplicationRule changes a rule: account, activity, boost_rule, cancel_requests, child_rule_id, comment, eol_at,
// lifetime (seconds from now; null for no end), locked, meta, priority, purge_replicas, source_replica_expression, state
// (SUSPENDED or STUCK). It fails with ErrInputValidationError for any other key.
//
//rucio:method RuleClient.update_replication_rule PUT /rules/{rule_id}
//rucio:param options what is to change: lifetime, priority, comment, account, locked ...
func (c *Client) UpdateReplicationRule(ctx context.Context, ruleID string, options map[string]any) error {
	return exec(ctx, c, put("update_replication_rule", "/rules/{rule_id}", ruleID).json(fields{"options": options}))
}

// DenyReplicationRuleOptions refine DenyReplicationRule.
type DenyReplicationRuleOptions struct {
	Reason string `py:"reason=None"` // told to the owner of the rule
}

// DenyReplicationRule refuses a rule that waits for approval, and deletes it.
//
//rucio:method RuleClient.deny_replication_rule PUT /rules/{rule_id}
func (c *Client) DenyReplicationRule(ctx context.Context, ruleID string, o *DenyReplicationRuleOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, put("deny_replication_rule", "/rules/{rule_id}", ruleID).
		json(fields{"options": fields{"approve": false}.with("comment", o.Reason)}))
}

// ReduceReplicationRuleOptions refine ReduceReplicationRule.
type ReduceReplicationRuleOptions struct {
	ExcludeExpression string `py:"exclude_expression=None"` // RSEs to take copies away from
}

// ReduceReplicationRule replaces a rule by one of fewer copies and returns the id of the new one. The rule must be OK, and
// copies fewer than it has, else this fails with ErrRuleReplaceFailed. (Python's client does this too, but then takes the
// server's 201 for a failure.)
//
//rucio:method RuleClient.reduce_replication_rule POST /rules/{rule_id}/reduce
//rucio:param copies of the new rule
func (c *Client) ReduceReplicationRule(ctx context.Context, ruleID string, copies int, o *ReduceReplicationRuleOptions) (string, error) {
	o = withDefaults(o)
	return value[string](ctx, c, post("reduce_replication_rule", "/rules/{rule_id}/reduce", ruleID).
		json(fields{"copies": copies, "exclude_expression": orNull(o.ExcludeExpression)}))
}

// MoveReplicationRule makes a new rule on other RSEs, with the terms of the old one except for those in override, and
// returns its id. The old rule is its parent and goes when the new one is OK. It fails with ErrRuleReplaceFailed when the
// rule is being moved already.
//
//rucio:method RuleClient.move_replication_rule POST /rules/{rule_id}/move
//rucio:param rse_expression where the new rule asks for copies
//rucio:param override arguments of add_replication_rule for the new rule, such as {lifetime: 3600}; {} for none
func (c *Client) MoveReplicationRule(ctx context.Context, ruleID, rseExpression string, override map[string]any) (string, error) {
	if override == nil {
		override = map[string]any{} // the server cannot read null
	}
	return value[string](ctx, c, post("move_replication_rule", "/rules/{rule_id}/move", ruleID).
		json(fields{"rule_id": ruleID, "rse_expression": rseExpression, "override": override}))
}
