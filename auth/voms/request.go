package voms

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	answerTimeout = 30 * time.Second // for one exchange with a server
	maxAnswer     = 1 << 20          // bytes; attribute certificates have some thousand
	firstFailure  = 1000             // in the legacy protocol, smaller numbers are warnings
)

// Request is what to ask a VOMS server for.
type Request struct {
	VO       string
	FQANs    []string      // "/vo/group", "/vo/Role=production"; the first one counts most. Empty: the VO itself
	Lifetime time.Duration // how long the attributes are to hold; the server may give less
	Targets  []string      // hosts that the attributes are for; empty: any
}

// Grant is what a server gave.
type Grant struct {
	AC       []byte // the attribute certificate, in DER
	Server   Server
	Warnings []string
}

// RefusedError is a server's answer that it gives no attributes: the user is not a member, or has not the role.
type RefusedError struct {
	Server  Server
	Code    string // "NoSuchUser", "SuspendedUser", "BadRequest"; a number in the legacy protocol
	Message string
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

// Fetch gets an attribute certificate of the first server that answers. config has the user's certificate, which is who the
// attributes are for, and whom to trust. The error wraps a *RefusedError when a server refused; it names each server
// that could not be used.
func Fetch(ctx context.Context, config *tls.Config, servers []Server, req Request) (*Grant, error) {
	var failures []error
	for _, server := range servers {
		wanted := req
		if len(req.FQANs) == 0 {
			wanted.FQANs = []string{"/" + server.VO} // req.VO may be an alias
		}
		grant, err := fetch(ctx, config, server, wanted)
		if err == nil {
			grant.Server = server
			return grant, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", server.Address(), err))
		var refused *RefusedError
		if errors.As(err, &refused) {
			refused.Server = server
			break
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(failures) == 1 {
		return nil, failures[0]
	}
	texts := make([]string, len(failures))
	for i, err := range failures {
		texts[i] = err.Error()
	}
	return nil, &manyError{strings.Join(texts, "; "), failures}
}

// manyError is the failures of several servers, in a line.
type manyError struct {
	text string
	all  []error
}

func (e *manyError) Error() string   { return e.text }
func (e *manyError) Unwrap() []error { return e.all }

// fetch asks one server, as REST and then, when it does not speak HTTP, in the older protocol. Both are on the same port.
func fetch(ctx context.Context, config *tls.Config, server Server, req Request) (*Grant, error) {
	got, spoke, err := fetchREST(ctx, config, server, req)
	if err == nil || spoke || !connected(err) || ctx.Err() != nil {
		return got, err
	}
	got, again := fetchLegacy(ctx, config, server, req)
	var refused *RefusedError
	if again != nil && !errors.As(again, &refused) {
		return nil, fmt.Errorf("neither its REST interface answers (%w) nor its older one (%w)", err, again)
	}
	return got, again
}

// connected tells whether the server was reached and trusted, so that it may understand another protocol.
func connected(err error) bool {
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	unreached := errors.As(err, &dial) && dial.Op == "dial" || errors.Is(err, context.DeadlineExceeded)
	untrusted := errors.As(err, &certificate) || errors.As(err, &alert) || strings.Contains(err.Error(), "remote error: tls:")
	return !unreached && !untrusted
}

// fetchREST asks as the Java clients do: GET /generate-ac. spoke tells that the answer was one of HTTP.
func fetchREST(ctx context.Context, config *tls.Config, server Server, req Request) (got *Grant, spoke bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	query := url.Values{"fqans": {strings.Join(req.FQANs, ",")}, "lifetime": {strconv.Itoa(int(req.Lifetime.Seconds()))}}
	if len(req.Targets) > 0 {
		query.Set("targets", strings.Join(req.Targets, ","))
	}
	at := url.URL{Scheme: "https", Host: server.Address(), Path: "/generate-ac", RawQuery: query.Encode()}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, false, err
	}
	transport := &http.Transport{TLSClientConfig: config.Clone(), DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the URL, which is in the message already
		}
		return nil, false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, true, err
	}
	got, err = parseAnswer(body)
	var refused *RefusedError
	if err != nil && !errors.As(err, &refused) && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w (HTTP %d)", err, resp.StatusCode)
	}
	return got, true, err
}

// fetchLegacy asks in the protocol of voms-proxy-init: an XML document each way, with nothing around it.
func fetchLegacy(ctx context.Context, config *tls.Config, server Server, req Request) (*Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", server.Address())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(legacyRequest(req)); err != nil {
		return nil, err
	}
	var answer []byte
	part := make([]byte, 16<<10)
	for !bytes.Contains(answer, []byte("</vomsans>")) && len(answer) < maxAnswer { // the server may leave the connection open
		n, err := conn.Read(part)
		answer = append(answer, part[:n]...)
		if err != nil && len(answer) == 0 {
			return nil, err
		}
		if err != nil {
			break
		}
	}
	return parseAnswer(answer)
}

// legacyRequest writes what to ask for as commands: G/vo/group for a group, B/vo/group:role for a role in it.
func legacyRequest(req Request) []byte {
	type document struct {
		XMLName  xml.Name `xml:"voms"`
		Commands []string `xml:"command"`
		Order    string   `xml:"order,omitempty"`
		Targets  string   `xml:"targets,omitempty"`
		Base64   int      `xml:"base64"`
		Version  int      `xml:"version"`
		Lifetime int      `xml:"lifetime"`
	}
	d := document{Targets: strings.Join(req.Targets, ","), Base64: 1, Version: 4, Lifetime: int(req.Lifetime.Seconds())}
	order := make([]string, len(req.FQANs))
	for i, fqan := range req.FQANs {
		group, role := group(fqan)
		command := "G" + group
		if order[i] = group; role != "" {
			command, order[i] = "B"+group+":"+role, group+":"+role
		}
		d.Commands = append(d.Commands, command)
	}
	d.Order = strings.Join(order, ",")
	body, err := xml.Marshal(d)
	if err != nil { // texts and numbers always go
		panic(err)
	}
	return append([]byte(`<?xml version="1.0" encoding="US-ASCII"?>`), body...)
}

// group takes a FQAN apart: the group, and the role in it; empty when there is none.
func group(fqan string) (group, role string) {
	fqan, _, _ = strings.Cut(fqan, "/Capability=")
	group, role, _ = strings.Cut(fqan, "/Role=")
	if role == "NULL" {
		role = ""
	}
	return group, role
}

// parseAnswer reads <voms> of the REST interface or <vomsans> of the older one. In an error the latter has a certificate
// as well, which is none.
func parseAnswer(body []byte) (*Grant, error) {
	var answer struct {
		AC       string   `xml:"ac"`
		Warnings []string `xml:"warning"`
		Code     string   `xml:"error>code"`
		Message  string   `xml:"error>message"`
		Items    []struct {
			Number  int    `xml:"number"`
			Message string `xml:"message"`
		} `xml:"error>item"`
	}
	decoder := xml.NewDecoder(bytes.NewReader(body))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // US-ASCII, which is UTF-8 too
	if err := decoder.Decode(&answer); err != nil {
		return nil, errors.New("the answer is not VOMS'")
	}
	grant := &Grant{Warnings: answer.Warnings}
	for _, item := range answer.Items {
		if item.Number >= firstFailure {
			return nil, &RefusedError{Code: strconv.Itoa(item.Number), Message: strings.TrimSpace(item.Message)}
		}
		grant.Warnings = append(grant.Warnings, strings.TrimSpace(item.Message))
	}
	if answer.Code != "" || answer.Message != "" {
		return nil, &RefusedError{Code: answer.Code, Message: strings.TrimSpace(answer.Message)}
	}
	var err error
	text := strings.Join(strings.Fields(answer.AC), "")
	if grant.AC, err = base64.StdEncoding.DecodeString(text); err != nil || text == "" {
		return nil, errors.New("the answer has no attribute certificate")
	}
	return grant, nil
}
