package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// serving is a running call --serve that speaks to a server of the test.
type serving struct {
	in      *io.PipeWriter
	out     *bufio.Reader
	stderr  *bytes.Buffer
	signals chan os.Signal
	code    chan int
}

// startServing runs call --serve against a server that logs in everybody and leaves the rest to handler.
func startServing(t *testing.T, handler http.HandlerFunc, flags ...string) *serving {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/auth/") {
			w.Header().Set("X-Rucio-Auth-Token", "root-someone-unknown-1234")
			w.Header().Set("X-Rucio-Auth-Token-Expires", "Fri, 31 Dec 2100 12:00:00 UTC")
			return
		}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	s := &serving{in: requests, out: bufio.NewReader(answers), stderr: &bytes.Buffer{}, signals: make(chan os.Signal, 1), code: make(chan int, 1)}
	state, _, _ := newTestState(t, append([]string{"call", "--serve"}, flags...)...)
	state.Stdin, state.Stdout, state.Stderr = in, out, s.stderr
	state.TempFile = newTempFile
	state.Notify = func() (<-chan os.Signal, func()) { return s.signals, func() {} }
	state.Env = map[string]string{
		"RUCIO_CFG_CLIENT_RUCIO_HOST": server.URL, "RUCIO_CFG_CLIENT_AUTH_HOST": server.URL, "RUCIO_CFG_CLIENT_ACCOUNT": "root",
		"RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass", "RUCIO_CFG_CLIENT_USERNAME": "someone", "RUCIO_CFG_CLIENT_PASSWORD": "opensesame",
	}
	go func() {
		s.code <- Run(context.Background(), state)
		out.Close()
	}()
	t.Cleanup(func() { requests.Close(); answers.Close() })
	return s
}

func (s *serving) send(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// answer reads the next answer.
func (s *serving) answer(t *testing.T) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatalf("no answer: %v\n%s", err, s.stderr)
	}
	return strings.TrimSuffix(line, "\n")
}

func TestServeAnswersAnErrorInsideAStream(t *testing.T) {
	s := startServing(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-json-stream")
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "{\"rse\": \"A\"}\n{\"rse\": \"B\"}\n")
	})
	s.send(t, `{"id": 1, "method": "list_rses"}`)
	var got struct {
		ID     int
		Result any
		Error  serveError
	}
	if err := json.Unmarshal([]byte(s.answer(t)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Result != nil || got.Error.Class != "ServerConnectionException" || !strings.Contains(got.Error.Message, "cut off after 2 rows") {
		t.Errorf("got %+v", got)
	}
	s.in.Close()
	if code := <-s.code; code != 0 {
		t.Errorf("exit code %d at the end of standard input", code)
	}
}

// TestServeAnswersInOrder holds that nothing overtakes by default, and that calls run at a time with --parallel.
func TestServeAnswersInOrder(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		entered, release := make(chan string, 2), make(chan bool)
		handler := func(w http.ResponseWriter, r *http.Request) {
			entered <- r.URL.Path
			if strings.HasSuffix(r.URL.Path, "/slow") {
				<-release
			}
			fmt.Fprint(w, `{"account": "x"}`)
		}
		flags := []string{"--parallel", "2"}
		if !parallel {
			flags = nil
		}
		s := startServing(t, handler, flags...)
		go func() {
			io.WriteString(s.in, `{"id": "slow", "method": "get_account", "args": ["slow"]}`+"\n")
			io.WriteString(s.in, `{"id": "fast", "method": "get_account", "args": ["fast"]}`+"\n")
		}()
		if <-entered; parallel {
			<-entered // while the slow one waits
			if got := s.answer(t); got != `{"id":"fast","result":{"account": "x"}}` {
				t.Errorf("first answer with --parallel: %s", got)
			}
		}
		close(release)
		if got := s.answer(t); got != `{"id":"slow","result":{"account": "x"}}` {
			t.Errorf("parallel %v: %s", parallel, got)
		}
		if !parallel {
			if got := s.answer(t); got != `{"id":"fast","result":{"account": "x"}}` {
				t.Errorf("second answer: %s", got)
			}
		}
	}
}

func TestServeEndsBySignal(t *testing.T) {
	entered := make(chan bool)
	s := startServing(t, func(_ http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
	})
	s.send(t, `{"id": 1, "method": "ping"}`)
	<-entered
	s.signals <- syscall.SIGTERM
	if got := s.answer(t); !strings.HasPrefix(got, `{"id":1,"error":{"class":"Cancelled"`) {
		t.Errorf("the interrupted call: %s", got)
	}
	if code := <-s.code; code != int(fail.Interrupted) {
		t.Errorf("exit code %d", code)
	}
	if rest, _ := io.ReadAll(s.out); len(rest) > 0 {
		t.Errorf("something follows: %s", rest)
	}
}

// TestServeKeepsData holds that data is handed on as it came, and that errors show no secrets.
func TestServeKeepsData(t *testing.T) {
	s := startServing(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/wrong") {
			w.Header().Set("ExceptionClass", "AccountNotFound")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"ExceptionClass": "AccountNotFound", "ExceptionMessage": "no account opensesame"}`)
			return
		}
		fmt.Fprint(w, "{\"account\":\n \"opensesame\", \"bytes\": Infinity, \"n\": 9007199254740993}")
	})
	for _, c := range []struct{ request, want string }{
		{`{"id": {"a": [1]}, "method": "get_account", "args": ["x"]}`, `{"id":{"a": [1]},"result":{"account":"opensesame","bytes":1e999,"n":9007199254740993}}`},
		{`{"method": "get_account", "args": ["wrong"]}`, `{"id":null,"error":{"class":"AccountNotFound","message":"no account [redacted]","status":404}}`},
	} {
		s.send(t, c.request)
		if got := s.answer(t); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.request, got, c.want)
		}
	}
}

// TestServeTellsWhatIsFilledInPlace holds that the list which Python would have added to comes back, beside an error too, and
// only when it was given.
func TestServeTellsWhatIsFilledInPlace(t *testing.T) {
	s := startServing(t, http.NotFound)
	for kwargs, want := range map[string]string{
		`{"items": []}`:                                           "",
		`{"items": [], "traces_copy_out": null}`:                  "",
		`{"items": [], "traces_copy_out": []}`:                    `,"out":{"traces_copy_out":[]}}`,
		`{"items": [], "traces_copy_out": [{"n": 123456789012}]}`: `,"out":{"traces_copy_out":[{"n":123456789012}]}}`,
	} {
		s.send(t, `{"id": 1, "method": "upload", "kwargs": `+kwargs+`}`)
		got := s.answer(t)
		if !strings.HasPrefix(got, `{"id":1,"error":{`) || !strings.HasSuffix(got, want) || want == "" && strings.Contains(got, `"out"`) {
			t.Errorf("%s: got %s, want it to end in %s", kwargs, got, want)
		}
	}
}

// TestServeTriesALoginAgain holds that a session that could not be made is not kept.
func TestServeTriesALoginAgain(t *testing.T) {
	s := startServing(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"account": "`+r.Header.Get("X-Rucio-Account")+`"}`)
	})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	request := fmt.Sprintf(`{"id": 1, "method": "ping", "client": {"ca_cert": %q}}`, ca)
	s.send(t, request)
	if got := s.answer(t); !strings.Contains(got, `"error":`) || !strings.Contains(got, ca) {
		t.Errorf("without the file: %s", got)
	}
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(ca, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	s.send(t, request)
	if got := s.answer(t); !strings.Contains(got, `"result":`) {
		t.Errorf("with the file: %s", got)
	}
}

// TestRequests holds the messages for requests that are refused before anything is sent.
func TestRequests(t *testing.T) {
	for _, c := range []struct{ line, class, message string }{
		{`[]`, "ValueError", "json: cannot unmarshal array"},
		{`{"id": 1} {"id": 2}`, "ValueError", "something follows the object"},
		{`{"id": 1, "methd": "x"}`, "ValueError", `unknown field "methd"`},
		{`{"id": 1}`, "AttributeError", "'Client' object has no attribute ''"},
		{`{"method": "get_acount"}`, "AttributeError", "'Client' object has no attribute 'get_acount'; did you mean \"get_account\"?"},
		{`{"method": "get_account"}`, "TypeError", "AccountClient.get_account() missing required arguments: 'account'"},
		{`{"method": "get_account", "kwargs": {"account": "a", "x": 1}}`, "TypeError", "AccountClient.get_account() got an unexpected keyword argument 'x'"},
		{`{"method": "get_account", "args": ["a"], "kwargs": {"account": "a"}}`, "TypeError", "AccountClient.get_account() got multiple values for argument 'account'"},
		{`{"method": "get_account", "args": ["a", "b"]}`, "TypeError", "get_account: takes at most 1 positional arguments (account), got 2"},
		{`{"method": "ping", "client": {"acount": "a"}}`, "TypeError", `client: there is no option 'acount'; did you mean "account"?`},
		{`{"method": "ping", "client": {"account": ["a"]}}`, "TypeError", "client: account must be text"},
	} {
		r, err := readRequest([]byte(c.line))
		if err == nil {
			_, _, err = r.bind()
		}
		if err == nil {
			_, err = r.settings()
		}
		if got := newServeError(err); got.Class != c.class || !strings.Contains(got.Message, c.message) || got.Status != nil {
			t.Errorf("%s: got %s: %s", c.line, got.Class, got.Message)
		}
	}
}

func TestRequestSettings(t *testing.T) {
	r, err := readRequest([]byte(`{"client": {"account": "a b", "ca_cert": false, "oidc_polling": true, "oidc_refresh_lifetime": 96, "vo": null}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.settings()
	want := map[string]string{"account": "a b", "ca_cert": "False", "oidc_polling": "True", "oidc_refresh_lifetime": "96"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if clientKey(map[string]string{"account": "a vo:b"}) == clientKey(map[string]string{"account": "a", "vo": "b"}) {
		t.Error("different settings share a session")
	}
}

// TestSpill writes answers of sizes around the limit.
func TestSpill(t *testing.T) {
	for _, rows := range []int{0, 1, 2, 3, 4, 50} {
		files := 0
		s := &spill{limit: 10, temp: func() (TempFile, error) { files++; return newTempFile() }}
		var want string
		for i := range rows {
			row := fmt.Sprintf("row%d,", i)
			want += row
			if _, err := io.WriteString(s, row); err != nil {
				t.Fatal(err)
			}
		}
		var got bytes.Buffer
		if _, err := s.WriteTo(&got); err != nil || got.String() != want {
			t.Errorf("%d rows: got %q, %v", rows, got.String(), err)
		}
		if (files > 0) != (len(want) > s.limit) || files > 1 {
			t.Errorf("%d bytes in %d files", len(want), files)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	full := errors.New("no space left")
	s := &spill{limit: 1, temp: func() (TempFile, error) { return nil, full }}
	if _, err := io.WriteString(s, "too long"); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
