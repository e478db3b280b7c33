package rucio

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
)

// Subscription makes rules for new DIDs whose metadata match.
type Subscription struct {
	Object
	ID               string `json:"id"`
	Name             string `json:"name"`
	Account          string `json:"account"`
	State            string `json:"state"` // ACTIVE, INACTIVE, NEW, UPDATED or BROKEN
	Filter           string `json:"filter"`
	ReplicationRules string `json:"replication_rules"`
	PolicyID         int    `json:"policyid"`
	Comments         string `json:"comments"`
	Retroactive      bool   `json:"retroactive"`
	Lifetime         Time   `json:"lifetime"`
	ExpiredAt        Time   `json:"expired_at"`
	LastProcessed    Time   `json:"last_processed"`
	CreatedAt        Time   `json:"created_at"`
	UpdatedAt        Time   `json:"updated_at"`
}

// ListSubscriptionsOptions narrow ListSubscriptions.
type ListSubscriptionsOptions struct {
	Name    string `py:"name=None"`    // of the subscription
	Account string `py:"account=None"` // that owns it
}

// ListSubscriptions lists subscriptions; none is no error.
//
//rucio:method SubscriptionClient.list_subscriptions GET /subscriptions/
func (c *Client) ListSubscriptions(ctx context.Context, o *ListSubscriptionsOptions) iter.Seq2[*Subscription, error] {
	o = withDefaults(o)
	r := get("list_subscriptions", "/subscriptions/")
	switch {
	case o.Account != "" && o.Name != "":
		r = get("list_subscriptions", "/subscriptions/{account}/{name}", o.Account, o.Name)
	case o.Account != "":
		r = get("list_subscriptions", "/subscriptions/{account}", o.Account)
	case o.Name != "":
		r = get("list_subscriptions", "/subscriptions/name/{name}", o.Name)
	}
	return stream[Subscription](ctx, c, r.noneOn(http.StatusNotFound))
}

// Days is the lifetime of a subscription in days; 0 is for ever, which Python's client writes False.
//
//rucio:kind integer
type Days int

// UnmarshalJSON implements json.Unmarshaler.
func (d *Days) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		*d = 0
		return nil
	}
	return json.Unmarshal(data, (*int)(d))
}

// MarshalJSON implements json.Marshaler.
func (d Days) MarshalJSON() ([]byte, error) {
	if d == 0 {
		return []byte("false"), nil
	}
	return json.Marshal(int(d))
}

// AddSubscriptionOptions refine AddSubscription.
type AddSubscriptionOptions struct {
	Priority *int `py:"priority=3"` // among subscriptions
}

// AddSubscription makes a subscription and returns its id. It fails with ErrSubscriptionDuplicate, ErrInvalidObject when
// filter or rules are not as the server wants them, ErrNotImplementedError when it should be retroactive, which Rucio cannot.
//
//rucio:method SubscriptionClient.add_subscription POST /subscriptions/{account}/{name}
//rucio:param name of the subscription, without slashes
//rucio:param account that owns it
//rucio:param filter_=filter what the metadata of a DID must be, such as {"scope": ["data25"], "datatype": ["RAW"]}
//rucio:param replication_rules arguments of the rules to make, each with copies, rse_expression and activity
//rucio:param comments for people
//rucio:param lifetime days; 0, false or null for ever
//rucio:param retroactive must be false
//rucio:param dry_run without effect: the server does not keep it
func (c *Client) AddSubscription(ctx context.Context, name, account string, filter map[string]any, replicationRules []map[string]any,
	comments *string, lifetime *Days, retroactive, dryRun bool, o *AddSubscriptionOptions) (string, error) {
	o = withDefaults(o)
	return text(ctx, c, post("add_subscription", "/subscriptions/{account}/{name}", account, name).
		refuse(checkRetroactive("add_subscription", retroactive)).json(fields{"options": fields{
		"filter": filter, "replication_rules": replicationRules, "comments": comments, "lifetime": lifetime,
		"retroactive": retroactive, "dry_run": dryRun, "priority": o.Priority,
	}}))
}

// UpdateSubscriptionOptions are what UpdateSubscription changes; what is absent stays.
type UpdateSubscriptionOptions struct {
	Account          string           `py:"account=None"`           // that owns the subscription; the caller when absent
	Filter           map[string]any   `py:"filter_=None"`           // what the metadata of a DID must be
	ReplicationRules []map[string]any `py:"replication_rules=None"` // arguments of the rules to make
	Comments         string           `py:"comments=None"`          // for people
	Lifetime         *Days            `py:"lifetime=None"`          // days from now; 0 and false change nothing
	Retroactive      *bool            `py:"retroactive=None"`       // must not be true
	DryRun           *bool            `py:"dry_run=None"`           // without effect: the server does not keep it
	Priority         *int             `py:"priority=None"`          // among subscriptions
}

// UpdateSubscription changes a subscription, whose state is UPDATED then, also when it was INACTIVE. It fails with
// ErrSubscriptionNotFound, ErrInvalidObject when filter or rules are not as the server wants them, and
// ErrNotImplementedError when it should be retroactive, which Rucio cannot.
//
//rucio:method SubscriptionClient.update_subscription PUT /subscriptions/{account}/{name}
//rucio:param name of the subscription
func (c *Client) UpdateSubscription(ctx context.Context, name string, o *UpdateSubscriptionOptions) error {
	o = withDefaults(o)
	if err := checkRetroactive("update_subscription", o.Retroactive != nil && *o.Retroactive); err != nil {
		return err
	}
	account, err := c.accountOr(ctx, o.Account)
	if err != nil {
		return err
	}
	return exec(ctx, c, put("update_subscription", "/subscriptions/{account}/{name}", account, name).json(fields{"options": fields{
		"filter": o.Filter, "replication_rules": o.ReplicationRules, "comments": orNull(o.Comments), "lifetime": o.Lifetime,
		"retroactive": o.Retroactive, "dry_run": o.DryRun, "priority": o.Priority,
	}}))
}

// DeactivateSubscriptionOptions say whose subscription it is.
type DeactivateSubscriptionOptions struct {
	Account string `py:"account=None"` // that owns the subscription; the caller when absent
}

// DeactivateSubscription ends a subscription: its state is INACTIVE then. It fails with ErrSubscriptionNotFound.
//
//rucio:method SubscriptionClient.deactivate_subscription PUT /subscriptions/{account}/{name}
//rucio:param name of the subscription
func (c *Client) DeactivateSubscription(ctx context.Context, name string, o *DeactivateSubscriptionOptions) error {
	o = withDefaults(o)
	account, err := c.accountOr(ctx, o.Account)
	if err != nil {
		return err
	}
	return exec(ctx, c, put("deactivate_subscription", "/subscriptions/{account}/{name}", account, name).
		json(fields{"options": fields{"state": "I"}}))
}

// accountOr returns account, or the client's when that is empty.
func (c *Client) accountOr(ctx context.Context, account string) (string, error) {
	if account != "" {
		return account, nil
	}
	return c.Account(ctx)
}

// checkRetroactive refuses, in the words of the Python client, what Rucio cannot do.
func checkRetroactive(method string, retroactive bool) error {
	if retroactive {
		return argumentError(method, ErrNotImplementedError, "Retroactive mode is not implemented")
	}
	return nil
}

// ListSubscriptionRules lists the rules that a subscription made, or fails with ErrSubscriptionNotFound.
//
//rucio:method SubscriptionClient.list_subscription_rules GET /subscriptions/{account}/{name}/rules
//rucio:param account that owns the subscription
//rucio:param name of the subscription
func (c *Client) ListSubscriptionRules(ctx context.Context, account, name string) iter.Seq2[*Rule, error] {
	return stream[Rule](ctx, c, get("list_subscription_rules", "/subscriptions/{account}/{name}/rules", account, name))
}

// SubscriptionRuleState counts the rules of a subscription that are in a state.
type SubscriptionRuleState struct {
	Object
	Account string `json:"account"`
	Name    string `json:"name"`
	State   string `json:"state"` // of the rules; empty when the subscription has none
	Count   int    `json:"count"`

	// With IncludeDetails only.
	SubscriptionState string `json:"subscription_state"` // ACTIVE, INACTIVE, NEW, UPDATED or BROKEN
	Comments          string `json:"comments"`
	Lifetime          Time   `json:"lifetime"`
	ExpiredAt         Time   `json:"expired_at"`
	LastProcessed     Time   `json:"last_processed"`
}

// UnmarshalJSON implements json.Unmarshaler. Without details a row is a list: [account, name, state, count].
func (s *SubscriptionRuleState) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, &[]any{&s.Account, &s.Name, &s.State, &s.Count})
	}
	type plain SubscriptionRuleState
	return json.Unmarshal(data, (*plain)(s))
}

// ListSubscriptionRuleStatesOptions narrow ListSubscriptionRuleStates.
type ListSubscriptionRuleStatesOptions struct {
	Name           string `py:"name=None"`             // of one subscription
	IncludeDetails bool   `py:"include_details=False"` // with what the subscriptions are; rows are maps then, not lists
}

// ListSubscriptionRuleStates counts the rules of an account's subscriptions by their states; none is no error. In raw mode,
// and in Python, a row without details is a list: account, name, state, count.
//
//rucio:method SubscriptionClient.list_subscription_rule_states GET /subscriptions/{account}/rules/states
//rucio:param account that owns the subscriptions
func (c *Client) ListSubscriptionRuleStates(ctx context.Context, account string, o *ListSubscriptionRuleStatesOptions) iter.Seq2[*SubscriptionRuleState, error] {
	o = withDefaults(o)
	r := get("list_subscription_rule_states", "/subscriptions/{account}/rules/states", account)
	if o.Name != "" {
		r = get("list_subscription_rule_states", "/subscriptions/{account}/{name}/rules/states", account, o.Name)
	}
	if o.IncludeDetails {
		r.query("include_details", "true")
	}
	return stream[SubscriptionRuleState](ctx, c, r.noneOn(http.StatusNotFound))
}
