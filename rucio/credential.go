package rucio

import "context"

// GetSignedURLOptions refine GetSignedURL.
type GetSignedURLOptions struct {
	Lifetime *int `py:"lifetime=3600"` // of the signed URL, in seconds
}

// GetSignedURL returns a URL of cloud storage that is signed, to be used without further credentials.
//
//rucio:method CredentialClient.get_signed_url GET /credentials/signurl
//rucio:param service gcs, s3 or swift
//rucio:param operation read, write or delete
//rucio:param url to be signed
func (c *Client) GetSignedURL(ctx context.Context, rse, service, operation, url string, o *GetSignedURLOptions) (string, error) {
	o = withDefaults(o)
	return text(ctx, c, get("get_signed_url", "/credentials/signurl").query("lifetime", o.Lifetime).
		query("rse", rse).query("svc", service).query("op", operation).query("url", url))
}
