package rucio

import (
	"context"
	"iter"
)

// TransferLimit bounds the transfers to or from RSEs.
type TransferLimit struct {
	Object
	ID            string `json:"id"`
	RSEExpression string `json:"rse_expression"`
	Activity      string `json:"activity"`  // of the transfers; all_activities for all
	Direction     string `json:"direction"` // SOURCE or DESTINATION
	MaxTransfers  *int64 `json:"max_transfers"`
	Volume        *int64 `json:"volume"`   // bytes
	Deadline      *int64 `json:"deadline"` // hours
	Strategy      string `json:"strategy"` // fifo or grouped_fifo
	Transfers     *int64 `json:"transfers"`
	Waitings      *int64 `json:"waitings"`
	CreatedAt     Time   `json:"created_at"`
	UpdatedAt     Time   `json:"updated_at"`
}

// ListTransferLimits lists the limits of transfers.
//
//rucio:method RequestClient.list_transfer_limits GET /requests/transfer_limits
func (c *Client) ListTransferLimits(ctx context.Context) iter.Seq2[*TransferLimit, error] {
	return stream[TransferLimit](ctx, c, get("list_transfer_limits", "/requests/transfer_limits"))
}

// SetTransferLimitOptions are the terms of a limit. Of a limit that exists, those that are absent stay as they are.
type SetTransferLimitOptions struct {
	Activity     string `py:"activity=None"`                                // of the transfers; all when absent
	Direction    string `py:"direction=TransferLimitDirection.DESTINATION"` // SOURCE: transfers from the RSEs; DESTINATION: to them
	MaxTransfers *int64 `py:"max_transfers=None"`                           // most transfers at a time
	Volume       *int64 `py:"volume=None"`                                  // most bytes at a time
	Deadline     *int64 `py:"deadline=None"`                                // hours after which a dataset goes ahead all the same
	Strategy     string `py:"strategy=None"`                                // fifo: file by file; grouped_fifo: dataset by dataset
	Transfers    *int64 `py:"transfers=None"`                               // transfers that are going on, as the throttler counts
	Waitings     *int64 `py:"waitings=None"`                                // transfers that wait, as the throttler counts
}

// SetTransferLimit makes or changes a limit of the transfers to or from RSEs. It fails with ErrInvalidRSEExpression, also when an
// expression matches no RSE, and with ErrValueError for a wrong direction.
//
//rucio:method RequestClient.set_transfer_limit PUT /requests/transfer_limits
func (c *Client) SetTransferLimit(ctx context.Context, rseExpression string, o *SetTransferLimitOptions) error {
	o = withDefaults(o)
	direction, err := transferDirection("set_transfer_limit", o.Direction)
	return exec(ctx, c, put("set_transfer_limit", "/requests/transfer_limits").json(fields{
		"rse_expression": rseExpression, "activity": orNull(o.Activity), "direction": direction, "max_transfers": o.MaxTransfers,
		"volume": o.Volume, "deadline": o.Deadline, "strategy": orNull(o.Strategy), "transfers": o.Transfers, "waitings": o.Waitings,
	}).refuse(err))
}

// DeleteTransferLimitOptions say which limit goes.
type DeleteTransferLimitOptions struct {
	Activity  string `py:"activity=None"`                                // of the transfers; the limit of all when absent
	Direction string `py:"direction=TransferLimitDirection.DESTINATION"` // SOURCE or DESTINATION
}

// DeleteTransferLimit removes a limit of transfers. None is no error.
//
//rucio:method RequestClient.delete_transfer_limit DELETE /requests/transfer_limits
func (c *Client) DeleteTransferLimit(ctx context.Context, rseExpression string, o *DeleteTransferLimitOptions) error {
	o = withDefaults(o)
	direction, err := transferDirection("delete_transfer_limit", o.Direction)
	return exec(ctx, c, del("delete_transfer_limit", "/requests/transfer_limits").
		json(fields{"rse_expression": rseExpression, "activity": orNull(o.Activity), "direction": direction}).refuse(err))
}

// transferDirection is the letter that the server knows for a member of Python's TransferLimitDirection.
func transferDirection(method, name string) (string, error) {
	switch name {
	case "SOURCE":
		return "S", nil
	case "DESTINATION":
		return "D", nil
	}
	return "", argumentError(method, ErrValueError, "direction %q is neither SOURCE nor DESTINATION", name)
}
