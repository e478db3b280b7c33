package storage_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// XRootD must not be asked for the checksum of an empty object; what any server is, is found out first.
func TestChecksumsOfNothing(t *testing.T) {
	for server, want := range map[string]string{
		"XrootD/v5.5.3": "PROPFIND, PROPFIND", "dCache": "PROPFIND, HEAD, HEAD",
	} {
		var seen []string
		url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method)
			w.Header().Set("Server", server)
			if r.Method == http.MethodHead {
				w.Header().Set("Digest", "adler32=00000001")
				return
			}
			w.WriteHeader(http.StatusMultiStatus)
			fmt.Fprint(w, `<multistatus xmlns="DAV:"><response><href>/empty</href><propstat><prop><getcontentlength>0</getcontentlength></prop>`+
				`<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`)
		})
		b := open(t, url, options)
		for range 2 {
			if sum, err := b.Checksum(t.Context(), url+"/empty", "adler32"); err != nil || sum != "00000001" {
				t.Errorf("%s: checksum %q, %v", server, sum, err)
			}
		}
		if got := strings.Join(seen, ", "); got != want {
			t.Errorf("%s got %s, want %s", server, got, want)
		}
	}
}
