package storage_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
)

func TestS3(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "s3")
	bucket := vars["TESTBED_S3_URL"]
	endpoint, _, _ := strings.Cut(strings.TrimPrefix(bucket, "s3://"), "/")
	options := storage.Options{TLS: trust(t, env, "", ""), S3: func(string) (storage.S3Keys, error) {
		return storage.S3Keys{Access: vars["TESTBED_S3_ACCESS_KEY"], Secret: rucio.Secret(vars["TESTBED_S3_SECRET_KEY"])}, nil
	}}
	storagetest.Run(t, storagetest.Door{Backend: open(t, "s3", options), Base: bucket, Server: endpoint, ReadOnly: vars["TESTBED_S3_READONLY_URL"] + "/readonly"})

	for name, keys := range map[string]storage.S3Keys{
		"wrong secret": {Access: vars["TESTBED_S3_ACCESS_KEY"], Secret: "wrong"}, "nobody": {Access: "nobody", Secret: "wrong"},
	} {
		options.S3 = func(string) (storage.S3Keys, error) { return keys, nil }
		err := open(t, "s3", options).Put(t.Context(), bucket+"/denied", storage.FromBytes([]byte("x")), storage.PutOptions{})
		if !storage.Is(err, storage.Denied) {
			t.Errorf("%s: error %v, want permission denied", name, err)
		}
	}
}

// Signed URLs, as Rucio's server gives them to clients without keys, allow one kind of request each.
func TestSignedURLs(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "s3")
	endpoint, bucket, _ := strings.Cut(strings.TrimPrefix(vars["TESTBED_S3_URL"], "s3://"), "/")
	tls := trust(t, env, "", "")
	b := storage.NewHTTP(storage.Options{TLS: tls})
	defer b.Close()
	signer, err := minio.New(endpoint, &minio.Options{Secure: true, Region: "us-east-1",
		Creds: credentials.NewStaticV4(vars["TESTBED_S3_ACCESS_KEY"], vars["TESTBED_S3_SECRET_KEY"], "")})
	if err != nil {
		t.Fatal(err)
	}
	key := testbed.Unique("signed ü+")
	sign := func(method string) string {
		u, err := signer.Presign(t.Context(), method, bucket, key, time.Hour, url.Values{})
		if err != nil {
			t.Fatal(err)
		}
		return u.String()
	}
	content := "some bytes"
	for _, want := range []storage.Kind{storage.Other, storage.Exists} {
		err := b.Put(t.Context(), sign("PUT"), storage.FromBytes([]byte(content)), storage.PutOptions{Checksums: map[string]string{"adler32": "15c103fc"}})
		if (want == storage.Other) != (err == nil) || err != nil && !storage.Is(err, want) {
			t.Fatalf("put: %v, want %s", err, want)
		}
	}
	info, err := b.Stat(t.Context(), sign("GET"))
	if err != nil || info.Size != int64(len(content)) {
		t.Errorf("stat: %+v, %v", info, err)
	}
	if got, err := read(t, b, sign("GET"), 5, -1); err != nil || got != "bytes" {
		t.Errorf("get: %q, %v", got, err)
	}
	if _, err := read(t, b, sign("PUT"), 0, -1); !storage.Is(err, storage.Denied) || strings.Contains(err.Error(), "Signature=") {
		t.Errorf("get with a signature for put: error %v, want permission denied without the signature", err)
	}
	if err := b.Delete(t.Context(), sign("DELETE")); err != nil {
		t.Error(err)
	}
	if _, err := b.Stat(t.Context(), sign("GET")); !storage.Is(err, storage.NotFound) {
		t.Errorf("stat: %v, want not found", err)
	}
}
