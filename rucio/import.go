package rucio

import "context"

// ImportData makes RSEs, distances and accounts what data says they are, in the form of ExportData, and returns "Created".
// RSEs that data does not name stay, unless the server's option importer/rse_sync_method is "hard". Accounts are another
// matter: a list of accounts that is not empty deletes all accounts that it leaves out, except root. It fails with
// ErrInvalidObject when the data have another form, ErrRSENotFound when a distance is about an RSE that does not exist.
//
//rucio:method ImportClient.import_data POST /import
//rucio:param data with rses and distances by name, and a list of accounts
func (c *Client) ImportData(ctx context.Context, data map[string]any) (string, error) {
	if data == nil {
		return "", argumentError("import_data", ErrTypeError, "data must be a map, not null")
	}
	return text(ctx, c, post("import_data", "/import").json(data))
}
