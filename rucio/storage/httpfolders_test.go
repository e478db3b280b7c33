package storage_test

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// A server that wants folders to be made first is asked in vain once only; one that makes them itself never hears of them.
func TestFoldersAreMadeForThoseWhoWantIt(t *testing.T) {
	for strict, want := range map[bool]string{
		true: "PUT /a/1 409, MKCOL /a/ 201, PUT /a/1 201, PUT /a/2 201, MKCOL /b/c/ 409, MKCOL /b/ 201, MKCOL /b/c/ 201, PUT /b/c/3 201, " +
			"PUT /a/4 409, MKCOL /a/ 201, PUT /a/4 201",
		false: "PUT /a/1 201, PUT /a/2 201, PUT /b/c/3 201, PUT /a/4 201",
	} {
		var mu sync.Mutex
		var seen []string
		there := map[string]bool{"/": true}
		url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			_, _ = io.Copy(io.Discard, r.Body)
			status, folder := http.StatusCreated, path.Dir(strings.TrimSuffix(r.URL.Path, "/"))
			switch {
			case r.Method == "PROPFIND":
				w.WriteHeader(http.StatusNotFound)
				return
			case strict && !there[folder]:
				status = http.StatusConflict
			case r.Method == "MKCOL":
				there[strings.TrimSuffix(r.URL.Path, "/")] = true
			}
			seen = append(seen, fmt.Sprint(r.Method, " ", r.URL.Path, " ", status))
			w.WriteHeader(status)
		})
		b := open(t, url, options)
		for _, name := range []string{"/a/1", "/a/2", "/b/c/3", "/a/4"} {
			if name == "/a/4" {
				mu.Lock()
				delete(there, "/a") // somebody has removed it
				mu.Unlock()
			}
			if err := b.Put(t.Context(), url+name, storage.FromBytes([]byte("x")), storage.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(seen, ", "); got != want {
			t.Errorf("strict %v: requests were\n%s, want\n%s", strict, got, want)
		}
	}
}

// What a server has against an upload into a folder that is there is not that it wants one: nothing is sent twice.
func TestUploadsAreNotRepeatedForAFolderThatIsThere(t *testing.T) {
	puts := 0
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "PROPFIND" && r.URL.Path == "/folder":
			w.WriteHeader(http.StatusMultiStatus)
			fmt.Fprintf(w, answer, "https://x")
		case r.Method == "PUT":
			puts++
			w.WriteHeader(http.StatusInternalServerError)
		case r.Method == "MKCOL":
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	err := open(t, url, options).Put(t.Context(), url+"/folder/file", storage.FromBytes([]byte("x")), storage.PutOptions{})
	if !storage.Is(err, storage.Unavailable) || puts != 1 {
		t.Errorf("%d uploads, error %v, want one, and what the server has to say", puts, err)
	}
}

// A folder that is there need not be one that we may make.
func TestFoldersThatMayNotBeMade(t *testing.T) {
	made := false
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "PROPFIND":
			w.WriteHeader(http.StatusNotFound)
		case r.Method == "MKCOL" && r.URL.Path == "/there/":
			w.WriteHeader(http.StatusForbidden)
		case r.Method == "MKCOL":
			made = true
		case r.URL.Path == "/new/file" && !made:
			w.WriteHeader(http.StatusConflict)
		}
	})
	b := open(t, url, options)
	for _, name := range []string{"/new/file", "/there/file"} {
		if err := b.Put(t.Context(), url+name, storage.FromBytes([]byte("x")), storage.PutOptions{}); err != nil {
			t.Error(err)
		}
	}
}
