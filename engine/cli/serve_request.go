package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// request is a line of call --serve: the call of a method of Python's client.
type request struct {
	ID     json.RawMessage            `json:"id"` // any JSON; the answer has it too
	Method string                     `json:"method"`
	Args   []json.RawMessage          `json:"args"`   // positional, in Python's order
	Kwargs map[string]json.RawMessage `json:"kwargs"` // by Python's names; those of a Python **kwargs stand among them
	Client map[string]json.RawMessage `json:"client"` // options of [client] for this call
}

// clientOptions are the options of [client] that a request may set.
var clientOptions = []string{
	"account", "auth_host", "auth_type", "ca_cert", "client_cert", "client_key", "client_x509_proxy", "oidc_access_token",
	"oidc_agent_cfg_password", "oidc_agent_cfg_value", "oidc_audience", "oidc_client_id", "oidc_client_secret", "oidc_issuer",
	"oidc_polling", "oidc_refresh_lifetime", "oidc_scope", "oidc_token_endpoint", "password", "rucio_host", "ssh_private_key",
	"username", "vo",
}

// pythonError is a call that Python would refuse before anything is sent.
type pythonError struct{ class, message string }

func (e *pythonError) Error() string { return e.class + ": " + e.message }

func typeError(format string, args ...any) error {
	return &pythonError{"TypeError", fmt.Sprintf(format, args...)}
}

// readRequest reads a line. Of one that is no request, the id is kept when it can be read.
func readRequest(line []byte) (request, error) {
	var r request
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	err := dec.Decode(&r)
	if err == nil {
		_, err = dec.Token()
		if err == nil {
			err = errors.New("something follows the object")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return request{ID: r.ID}, &pythonError{"ValueError", "the line is no request, a JSON object such as " +
			`{"id": 1, "method": "get_account", "kwargs": {"account": "root"}}: ` + err.Error()}
	}
	return r, nil
}

// bind finds the method and gives each argument its name, with Python's words for what is wrong with them.
func (r *request) bind() (*catalog.Method, catalog.Args, error) {
	m, ok := catalog.Lookup(r.Method)
	if !ok {
		return nil, nil, &pythonError{"AttributeError", fmt.Sprintf("'Client' object has no attribute '%s'", r.Method) +
			didYouMean(r.Method, catalog.Names())}
	}
	function := m.Client + "." + m.Name + "()"
	args, err := m.Bind(r.Args)
	if err != nil {
		return nil, nil, err
	}
	free := slices.ContainsFunc(m.Params, func(p catalog.Param) bool { return p.Variadic })
	for name, value := range r.Kwargs {
		known := slices.ContainsFunc(m.Params, func(p catalog.Param) bool { return p.Name == name && !p.Variadic })
		switch _, twice := args[name]; {
		case twice:
			return nil, nil, typeError("%s got multiple values for argument '%s'", function, name)
		case !known && !free:
			return nil, nil, typeError("%s got an unexpected keyword argument '%s'%s", function, name, didYouMean(name, namesOfParams(m)))
		}
		args[name] = value
	}
	var missing []string
	for _, p := range m.Params {
		if _, given := args[p.Name]; p.Required && !p.Variadic && !given {
			missing = append(missing, "'"+p.Name+"'")
		}
	}
	if len(missing) > 0 {
		return nil, nil, typeError("%s missing required arguments: %s", function, strings.Join(missing, ", "))
	}
	return m, args, nil
}

func namesOfParams(m *catalog.Method) []string {
	names := make([]string, len(m.Params))
	for i, p := range m.Params {
		names[i] = p.Name
	}
	return names
}

func didYouMean(name string, known []string) string {
	if hint := suggest.Hint(name, known); hint != "" {
		return "; " + hint
	}
	return ""
}

// settings are the options of [client] as rucio.cfg would have them. null is as good as absent.
func (r *request) settings() (map[string]string, error) {
	settings := map[string]string{}
	for name, value := range r.Client {
		if !slices.Contains(clientOptions, name) {
			return nil, typeError("client: there is no option '%s'%s", name, cmp.Or(didYouMean(name, clientOptions),
				"; the options are "+strings.Join(clientOptions, ", ")))
		}
		var text string
		switch value[0] {
		case '"':
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, typeError("client: %s: %v", name, err)
			}
		case '{', '[':
			return nil, typeError("client: %s must be text", name)
		case 'n':
			continue
		case 't', 'f':
			text = map[byte]string{'t': "True", 'f': "False"}[value[0]]
		default:
			text = string(value)
		}
		settings[name] = text
	}
	return settings, nil
}
