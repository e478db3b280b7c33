package storage_test

import (
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// nginx refuses proxies in the title of a page only; an operator wants to know.
func TestARefusedCertificateIsTold(t *testing.T) {
	env := testbed.Require(t)
	url := env.RequireService(t, "webdav")["TESTBED_WEBDAV_URL"]
	b := open(t, url, storage.Options{TLS: trust(t, env, env.Proxy, env.Proxy)})
	_, err := b.Stat(t.Context(), url+"/file")
	if !storage.Is(err, storage.Denied) || !strings.HasSuffix(err.Error(), "the server answers 400 Bad Request: The SSL certificate error") {
		t.Errorf("error %v, want one of the certificate", err)
	}
}
