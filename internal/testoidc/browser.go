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
	var form url.Values // to post; nil: the page is read
	for range 20 {
		page, err := open(browser, address, form)
		if err != nil {
			return "", err
		}
		if page.location != "" {
			if address, form = page.location, nil; strings.HasPrefix(address, Redirect) {
				return address, nil
			}
			continue
		}
		if address, form = page.form(user); form == nil {
			return page.text, nil
		}
	}
	return "", fmt.Errorf("%s leads nowhere", address)
}

// page is an answer.
type page struct {
	at             *url.URL
	status         int
	location, text string
}

// open gets an address, or posts a form to it.
func open(browser *http.Client, address string, form url.Values) (*page, error) {
	get := func() (*http.Response, error) { return browser.Get(address) }
	if form != nil {
		get = func() (*http.Response, error) { return browser.PostForm(address, form) }
	}
	resp, err := get()
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	p := &page{at: resp.Request.URL, status: resp.StatusCode, text: string(text)}
	if to, err := resp.Location(); err == nil {
		p.location = to.String()
	}
	return p, nil
}

// form fills in the form of a page, if it has one, and returns where it goes.
func (p *page) form(user string) (address string, form url.Values) {
	action := formAction.FindStringSubmatch(p.text)
	if action == nil || p.status != http.StatusOK {
		return "", nil
	}
	to, err := p.at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		return "", nil
	}
	form = url.Values{"username": {user}, "password": {Password(user)}}
	for _, input := range hidden.FindAllStringSubmatch(p.text, -1) {
		form.Set(input[1], html.UnescapeString(input[2]))
	}
	return to.String(), form
}

// FetchCode finds the code on the page with which Rucio's server ends a login.
func FetchCode(page string) (string, error) {
	found := fetchCode.FindStringSubmatch(page)
	if found == nil {
		return "", fmt.Errorf("no code on this page: %s", page)
	}
	return found[1], nil
}
