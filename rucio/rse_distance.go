package rucio

import (
	"context"
	"maps"
)

// Distance is how far one RSE is from another. Transfers prefer near sources; there are none between RSEs without a distance.
type Distance struct {
	Object
	SourceRSEID string `json:"src_rse_id"`
	SourceRSE   string `json:"src_rse"`
	DestRSEID   string `json:"dest_rse_id"`
	DestRSE     string `json:"dest_rse"`
	Distance    *int   `json:"distance"` // the less, the better
	CreatedAt   Time   `json:"created_at"`
	UpdatedAt   Time   `json:"updated_at"`
}

// AddDistanceOptions refine AddDistance.
type AddDistanceOptions struct {
	Bidirectional bool `py:"bidirectional=False"` // the way back as well
}

// AddDistance sets how far one RSE is from another: parameters is {"distance": 3}. It fails with ErrDuplicate when there is a
// distance, and with ErrRSENotFound.
//
//rucio:method RSEClient.add_distance POST /rses/{source}/distances/{destination}
//rucio:param source name of an RSE
//rucio:param destination name of an RSE
//rucio:param parameters distance: a number, the less the better
func (c *Client) AddDistance(ctx context.Context, source, destination string, parameters map[string]any, o *AddDistanceOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, post("add_distance", "/rses/{source}/distances/{destination}", source, destination).
		json(distance(parameters, o.Bidirectional)))
}

// UpdateDistanceOptions refine UpdateDistance.
type UpdateDistanceOptions struct {
	Bidirectional bool `py:"bidirectional=False"` // the way back as well
}

// UpdateDistance changes how far one RSE is from another. Where there is no distance nothing happens, and that is no error.
//
//rucio:method RSEClient.update_distance PUT /rses/{source}/distances/{destination}
//rucio:param source name of an RSE
//rucio:param destination name of an RSE
//rucio:param parameters distance: a number, the less the better
func (c *Client) UpdateDistance(ctx context.Context, source, destination string, parameters map[string]any, o *UpdateDistanceOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, put("update_distance", "/rses/{source}/distances/{destination}", source, destination).
		json(distance(parameters, o.Bidirectional)))
}

// GetDistance returns how far one RSE is from another, as a list of one; it is empty when there is no distance.
//
//rucio:method RSEClient.get_distance GET /rses/{source}/distances/{destination}
//rucio:param source name of an RSE
//rucio:param destination name of an RSE
func (c *Client) GetDistance(ctx context.Context, source, destination string) ([]*Distance, error) {
	return list[Distance](ctx, c, get("get_distance", "/rses/{source}/distances/{destination}", source, destination))
}

// DeleteDistanceOptions refine DeleteDistance.
type DeleteDistanceOptions struct {
	Bidirectional bool `py:"bidirectional=False"` // the way back as well
}

// DeleteDistance removes the distance from one RSE to another. None is no error.
//
//rucio:method RSEClient.delete_distance DELETE /rses/{source}/distances/{destination}
//rucio:param source name of an RSE
//rucio:param destination name of an RSE
func (c *Client) DeleteDistance(ctx context.Context, source, destination string, o *DeleteDistanceOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, del("delete_distance", "/rses/{source}/distances/{destination}", source, destination).
		query("bidirectional", o.Bidirectional))
}

// distance is the body of a new or changed distance.
func distance(parameters map[string]any, bidirectional bool) fields {
	body := fields{}
	maps.Copy(body, parameters)
	body["bidirectional"] = bidirectional
	return body
}
