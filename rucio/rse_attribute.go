package rucio

import "context"

// AddRSEAttribute sets an attribute of an RSE, which RSE expressions can refer to. One that is there is overwritten. The server
// keeps booleans as they are and everything else as text.
//
//rucio:method RSEClient.add_rse_attribute POST /rses/{rse}/attr/{key}
func (c *Client) AddRSEAttribute(ctx context.Context, rse, key string, value any) error {
	return exec(ctx, c, post("add_rse_attribute", "/rses/{rse}/attr/{key}", rse, key).json(fields{"value": value}))
}

// DeleteRSEAttribute removes an attribute of an RSE, or fails with ErrRSEAttributeNotFound.
//
//rucio:method RSEClient.delete_rse_attribute DELETE /rses/{rse}/attr/{key}
func (c *Client) DeleteRSEAttribute(ctx context.Context, rse, key string) error {
	return exec(ctx, c, del("delete_rse_attribute", "/rses/{rse}/attr/{key}", rse, key))
}

// ListRSEAttributes returns the attributes of an RSE, an object of names to values: texts, booleans or null. The name of the
// RSE is one of them.
//
//rucio:method RSEClient.list_rse_attributes GET /rses/{rse}/attr/
func (c *Client) ListRSEAttributes(ctx context.Context, rse string) (*Object, error) {
	return one[Object](ctx, c, get("list_rse_attributes", "/rses/{rse}/attr/", rse))
}

// AddQoSPolicy says that an RSE satisfies a quality-of-service policy. It fails with ErrDuplicate when that was said before.
//
//rucio:method RSEClient.add_qos_policy POST /rses/{rse}/qos_policy/{qos_policy}
//rucio:param qos_policy name of the policy
func (c *Client) AddQoSPolicy(ctx context.Context, rse, qosPolicy string) error {
	return exec(ctx, c, post("add_qos_policy", "/rses/{rse}/qos_policy/{qos_policy}", rse, qosPolicy))
}

// DeleteQoSPolicy takes a quality-of-service policy from an RSE. One that it does not have is no error.
//
//rucio:method RSEClient.delete_qos_policy DELETE /rses/{rse}/qos_policy/{qos_policy}
//rucio:param qos_policy name of the policy
func (c *Client) DeleteQoSPolicy(ctx context.Context, rse, qosPolicy string) error {
	return exec(ctx, c, del("delete_qos_policy", "/rses/{rse}/qos_policy/{qos_policy}", rse, qosPolicy))
}

// ListQoSPolicies returns the names of the quality-of-service policies of an RSE.
//
//rucio:method RSEClient.list_qos_policies GET /rses/{rse}/qos_policy
func (c *Client) ListQoSPolicies(ctx context.Context, rse string) ([]string, error) {
	return value[[]string](ctx, c, get("list_qos_policies", "/rses/{rse}/qos_policy", rse))
}
