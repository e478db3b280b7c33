package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// stubs measures the main job, whole processes with a cached token: the two stub tasks (ping and whoami) beside curl for the
// same two requests, Python's command line, and a Python script that does the same.
var stubs = benchmark{
	name:    "run etc/tasks/stubs.yml",
	goal:    "wall <= 1.5 x curl + 15 ms, CPU <= 1/20 of the Python script",
	runs:    21,
	prepare: prepareStubs,
}

const pythonPingWhoami = `
from rucio.client import Client
client = Client()
client.ping()
client.whoami()
`

func prepareStubs(ctx context.Context, s setup) ([]contender, error) {
	token, err := login(ctx, s)
	if err != nil {
		return nil, err
	}
	// The token goes through a file: what is in argv shows in every process list.
	headers, err := s.write("headers", "X-Rucio-Auth-Token: "+token+"\nX-Rucio-Account: "+s.vars["TESTBED_ACCOUNT"]+"\n")
	if err != nil {
		return nil, err
	}
	script, err := s.write("ping_whoami.py", pythonPingWhoami)
	if err != nil {
		return nil, err
	}
	url := s.vars["TESTBED_HTTP_URL"]
	curl := fmt.Sprintf("curl -sSf %[1]s/ping && curl -sSfL -H @%[2]s %[1]s/accounts/whoami", url, headers)
	return []contender{
		{name: "ours", argv: []string{s.bin, "run", "etc/tasks/stubs.yml"}, env: s.env},
		{name: "curl, twice", argv: []string{"sh", "-c", curl}},
		{name: "rucio whoami", argv: []string{s.tool("rucio"), "whoami"}, env: s.env},
		{name: "Python script", argv: []string{s.python, script}, env: s.env},
	}, nil
}

// login gets a token for curl, as any client would.
func login(ctx context.Context, s setup) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.vars["TESTBED_HTTP_URL"]+"/auth/userpass", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Rucio-Account", s.vars["TESTBED_ACCOUNT"])
	req.Header.Set("X-Rucio-Username", s.vars["TESTBED_USERNAME"])
	req.Header.Set("X-Rucio-Password", s.vars["TESTBED_PASSWORD"])
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	token := res.Header.Get("X-Rucio-Auth-Token")
	if token == "" {
		return "", fmt.Errorf("login for curl: %s", res.Status)
	}
	return token, nil
}
