package testoidc

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	hidden     = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
	fetchCode  = regexp.MustCompile(`<b>\s*([A-Za-z0-9]{50})\s*</b>`)
)

// Browse does what a person with a browser does: it follows a URL to the login page, logs in as user, and returns the text
// of the page at the end, or the URL when that is Redirect, where nobody listens.
func Browse(client *http.Client, address, user string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Transport: client.Transport, Jar: jar, CheckRedirect: client.CheckRedirect}
	resp, err := browser.Get(address)
	for range 20 {
		if err != nil {
			return "", err
		}
		body, readErr := io.ReadAll(resp.Body)
		resp.Body.Close()
		if readErr != nil {
			return "", readErr
		}
		if to, err := resp.Location(); err == nil {
			if strings.HasPrefix(to.String(), Redirect) {
				return to.String(), nil
			}
			resp, err = browser.Get(to.String()) //nolint:govet // the loop looks at both
			if err != nil {
				return "", err
			}
			continue
		}
		action := formAction.FindSubmatch(body)
		if action == nil || resp.StatusCode != http.StatusOK {
			return string(body), nil
		}
		to, err := resp.Request.URL.Parse(html.UnescapeString(string(action[1])))
		if err != nil {
			return "", err
		}
		form := url.Values{"username": {user}, "password": {Password(user)}}
		for _, input := range hidden.FindAllSubmatch(body, -1) {
			form.Set(string(input[1]), html.UnescapeString(string(input[2])))
		}
		resp, err = browser.PostForm(to.String(), form) //nolint:govet // likewise
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s leads nowhere", address)
}

// FetchCode finds the code on the page with which Rucio's server ends a login.
func FetchCode(page string) (string, error) {
	found := fetchCode.FindStringSubmatch(page)
	if found == nil {
		return "", fmt.Errorf("no code on this page: %s", page)
	}
	return found[1], nil
}
