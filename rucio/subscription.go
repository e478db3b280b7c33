package rucio

import (
	"context"
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
