package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// accountsFile has the keys of RSEs, where Python's clients look for it.
const accountsFile = "rse-accounts.cfg"

// rseAccount is an entry of it: by the name of an RSE, or (which is ours) by an endpoint, "host:port" or "host".
type rseAccount struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	Region    string `json:"region"`
	IsSecure  *bool  `json:"is_secure"` // false: http
}

func (a rseAccount) keys() storage.S3Keys {
	return storage.S3Keys{Access: a.AccessKey, Secret: rucio.Secret(a.SecretKey), Region: a.Region, Plain: a.IsSecure != nil && !*a.IsSecure}
}

// s3Keys returns the keys of an S3 endpoint: those of rse-accounts.cfg for the endpoint or for the RSE that has it, else those
// of the variables that S3's own tools read.
func (d doors) s3Keys(endpoint string) (storage.S3Keys, error) {
	path, accounts, err := d.rseAccounts()
	if err != nil {
		return storage.S3Keys{}, err
	}
	for _, account := range accounts {
		d.p.redactor.Add(account.SecretKey)
	}
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = endpoint
	}
	for _, name := range []string{endpoint, host} {
		if account, ok := accounts[name]; ok && account.AccessKey != "" {
			return account.keys(), nil
		}
	}
	if account, ok := d.accountOf(endpoint, accounts); ok {
		return account.keys(), nil
	}
	if keys, ok := d.p.s3Environment(endpoint); ok {
		d.p.redactor.Add(keys.Secret.Reveal())
		return keys, nil
	}
	where := "no " + accountsFile + " was found"
	if path != "" {
		where = path + " has none for it"
	}
	return storage.S3Keys{}, fail.Hint(fail.With(fail.Auth, &storage.Error{Op: "log in", PFN: "s3://" + endpoint, Kind: storage.Denied, Err: errors.New("there are no keys: " + where + ", and AWS_ACCESS_KEY_ID is not set")}),
		"add {%q: {\"access_key\": ..., \"secret_key\": ...}} to %s, by the endpoint or by the RSE's name, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", endpoint, accountsFile)
}

// rseAccounts reads rse-accounts.cfg, beside rucio.cfg or where Python's clients have it. None is no error.
func (d doors) rseAccounts() (path string, accounts map[string]rseAccount, err error) {
	var folders []string
	if file := d.config.Path(); file != "" {
		folders = append(folders, filepath.Dir(file))
	}
	for _, name := range []string{"RUCIO_HOME", "VIRTUAL_ENV", "CONDA_PREFIX"} {
		if root := d.p.Getenv(name); root != "" {
			folders = append(folders, filepath.Join(root, "etc"))
		}
	}
	for _, folder := range append(folders, "/opt/rucio/etc") {
		path = filepath.Join(folder, accountsFile)
		data, err := d.p.Files.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(data, &accounts)
		}
		if err != nil {
			return path, nil, fail.With(fail.Config, fmt.Errorf("read the keys of RSEs in %s: %w", path, err))
		}
		return path, accounts, nil
	}
	return "", nil, nil
}

// accountTimeout is how long Rucio may take to tell whose endpoint it is.
const accountTimeout = time.Minute

// accountOf returns the account of the RSE that has an endpoint. Rucio knows which one it is.
func (d doors) accountOf(endpoint string, accounts map[string]rseAccount) (rseAccount, bool) {
	if d.login == nil {
		return rseAccount{}, false
	}
	client, err := d.client(nil)
	if err != nil {
		return rseAccount{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), accountTimeout)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		if accounts[name].AccessKey == "" {
			continue
		}
		rse, err := client.GetRSE(ctx, name)
		if err != nil {
			d.p.logger(d.c).DebugContext(ctx, "an entry of "+accountsFile+" is for no RSE that is known", "entry", name, "error", err)
			continue
		}
		if slices.ContainsFunc(rse.Protocols, func(p rucio.Protocol) bool {
			return p.Scheme == "s3" && (endpoint == p.Hostname || endpoint == net.JoinHostPort(p.Hostname, strconv.Itoa(p.Port)))
		}) {
			return accounts[name], true
		}
	}
	return rseAccount{}, false
}

// s3Environment returns the keys in the variables of S3's tools. They hold for any endpoint, unless AWS_ENDPOINT_URL names one.
func (p *program) s3Environment(endpoint string) (storage.S3Keys, bool) {
	keys := storage.S3Keys{
		Access: cmp.Or(p.Getenv("AWS_ACCESS_KEY_ID"), p.Getenv("S3_ACCESS_KEY")),
		Secret: rucio.Secret(cmp.Or(p.Getenv("AWS_SECRET_ACCESS_KEY"), p.Getenv("S3_SECRET_KEY"))),
		Region: cmp.Or(p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION")),
	}
	if at, err := url.Parse(cmp.Or(p.Getenv("AWS_ENDPOINT_URL_S3"), p.Getenv("AWS_ENDPOINT_URL"))); err == nil && at.Host != "" {
		if at.Host != endpoint {
			return keys, false
		}
		keys.Plain = at.Scheme == "http"
	}
	return keys, keys.Access != "" && keys.Secret.IsSet()
}
