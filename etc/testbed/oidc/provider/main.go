// Command provider is the OpenID provider of the testbed: zitadel/oidc with a storage of its own that plays the parts of
// many clients. It issues JWT access tokens as WLCG's providers do and takes the audience from the parameter "audience",
// as Indigo IAM does.
//
// Any client ID is a client; words in it say how it behaves (see client.go). Any name is a user, whose password is the
// name with "-password" after it. Refresh tokens live in memory, the signing key in a file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:18101", "address")
	issuer := flag.String("issuer", "https://localhost:18101", "issuer, a URL without a slash at the end")
	cert := flag.String("cert", "", "certificate in PEM")
	key := flag.String("key", "", "its key")
	signing := flag.String("signing-key", "", "file of the key that signs tokens, made when missing")
	redirects := flag.String("redirect-uris", "", "where browsers may be sent back to, separated by commas")
	flag.Parse()
	if err := serve(*listen, *issuer, *cert, *key, *signing, strings.Split(*redirects, ",")); err != nil {
		log.Fatal(err)
	}
}

func serve(listen, issuer, cert, key, signing string, redirects []string) error {
	signer, err := signingKeyOf(signing)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	store := newStore(signer, redirects)
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	provider, err := op.NewProvider(&op.Config{
		CryptoKey:             signer.secret(),
		AuthMethodPost:        true,
		GrantTypeRefreshToken: true,
		CodeMethodS256:        true,
		SupportedScopes:       []string{"openid", "profile", "email", "offline_access"},
	}, store, op.StaticIssuer(issuer), op.WithLogger(logger))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	login := &loginPage{store: store, done: op.AuthCallbackURL(provider), interceptor: op.NewIssuerInterceptor(provider.IssuerFromRequest)}
	mux.HandleFunc("GET /login", login.show)
	mux.HandleFunc("POST /login", login.interceptor.HandlerFunc(login.check))
	mux.Handle("/", provider)
	server := &http.Server{Addr: listen, Handler: withAudience(mux), ReadHeaderTimeout: time.Minute}
	return server.ListenAndServeTLS(cert, key)
}

// audienceKey is the context key of the audience that a request asks for.
type audienceKey struct{}

// withAudience keeps the parameter "audience", which the library does not know, for the storage.
func withAudience(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		audience := strings.Fields(r.Form.Get("audience"))
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), audienceKey{}, audience)))
	})
}

// audienceOf returns the audience that a request asks for, or else another one.
func audienceOf(ctx context.Context, otherwise []string) []string {
	if asked, _ := ctx.Value(audienceKey{}).([]string); len(asked) > 0 {
		return asked
	}
	return otherwise
}

// loginPage is where a browser is sent to with the ID of its request.
type loginPage struct {
	store       *store
	done        func(context.Context, string) string
	interceptor *op.IssuerInterceptor
}

var form = template.Must(template.New("login").Parse(`<!DOCTYPE html><title>Log in</title>
<form method="post" action="/login"><input type="hidden" name="id" value="{{.ID}}">
<p>{{.Problem}}</p><input name="username"><input name="password" type="password"><button>Log in</button></form>`))

func (p *loginPage) show(w http.ResponseWriter, r *http.Request) {
	p.render(w, r.FormValue("id"), nil)
}

func (p *loginPage) render(w http.ResponseWriter, id string, problem error) {
	if problem == nil {
		problem = errors.New("")
	} else {
		w.WriteHeader(http.StatusUnauthorized)
	}
	if err := form.Execute(w, map[string]string{"ID": id, "Problem": problem.Error()}); err != nil {
		log.Print(err)
	}
}

func (p *loginPage) check(w http.ResponseWriter, r *http.Request) {
	id, username := r.FormValue("id"), r.FormValue("username")
	if username == "" || r.FormValue("password") != username+"-password" {
		p.render(w, id, errors.New("wrong username or password"))
		return
	}
	if err := p.store.loggedIn(id, username); err != nil {
		p.render(w, id, err)
		return
	}
	http.Redirect(w, r, p.done(r.Context(), id), http.StatusFound)
}
