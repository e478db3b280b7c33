package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCatalogIsFresh fails when a method was changed without running go generate ./rucio/catalog.
func TestCatalogIsFresh(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Error(err)
	}
}

const header = "package rucio\n\n"

// generated runs the generator on one file of package rucio.
func generated(t *testing.T, code string) (string, error) {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "rucio"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "rucio", "x.go"), []byte(header+code), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := generate(root)
	return string(out), err
}

func TestMistakesAreTold(t *testing.T) {
	for message, code := range map[string]string{
		"x.go:4:1: GetRSE: write //rucio:method Client.python_name VERB /path": `//rucio:method RSEClient.get_rse
func (c *Client) GetRSE(ctx context.Context, rse string) error { return nil }`,
		"does not name a client and a method": `//rucio:method get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, rse string) error { return nil }`,
		"GetARSE: implements get_rse, but is not named after it": `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetARSE(ctx context.Context, rse string) error { return nil }`,
		`its request is named "get_rses", the directive says get_rse`: `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, rse string) error { return exec(get("get_rses", "/rses/{rse}", rse)) }`,
		"path /rses/{rse}/{x} takes 2 values, got 1": `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, rse string) error { return exec(get("get_rse", "/rses/{rse}/{x}", rse)) }`,
		"returns int: a method returns iter.Seq2[*T, error], (T, error) or error": `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, rse string) int { return 1 }`,
		"there is no type GetRSEOptions": `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, o *GetRSEOptions) error { return nil }`,
		"GetRSEOptions.Long: write its tag as `py:\"name=default\"`": "type GetRSEOptions struct {\n Long bool `py:\"long\"`\n}\n" + `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, o *GetRSEOptions) error { return nil }`,
		"GetRSEOptions: each field has a line of its own with a tag": "type GetRSEOptions struct {\n Long bool\n}\n" + `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, o *GetRSEOptions) error { return nil }`,
		"//rucio:param nonsense is about no parameter": `//rucio:method RSEClient.get_rse GET /rses/{rse}
//rucio:param nonsense what is it
func (c *Client) GetRSE(ctx context.Context, rse string) error { return nil }`,
		"get_rse is implemented twice: GetRSE and GetRse": `//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, rse string) error { return nil }
//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRse(ctx context.Context, rse string) error { return nil }`,
	} {
		if _, err := generated(t, code); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("got  %v\nwant %s", err, message)
		}
	}
}

func TestMethodWithoutRequest(t *testing.T) {
	code, err := generated(t, `//rucio:method RSEClient.get_rse - -
func (c *Client) GetRSE(ctx context.Context, rse string) error { return nil }`)
	if want := `Verb: "", Path: "", Returns: Value,`; err != nil || !strings.Contains(code, want) {
		t.Errorf("no %s in\n%s\n%v", want, code, err)
	}
}

func TestTypesAndNames(t *testing.T) {
	code, err := generated(t, `
// Item is an item.
//
//rucio:kind DID
type Item struct{}

type state string

type Plain struct{}

// TestOptions are options.
type TestOptions struct {
	LongA *int `+"`py:\"a=3\"`"+` // how many, see LongA
	// Which ones,
	// of all.
	B []Item `+"`py:\"b=None\"`"+`
	C Time `+"`py:\"c=None\"`"+`
	D state `+"`py:\"d='x'\"`"+`
	E []any `+"`py:\"e=None\"`"+`
	F []Plain `+"`py:\"f=None\"`"+`
	G map[string]any `+"`py:\"**kwargs\"`"+`
	H *[]map[string]any `+"`py:\"h=None\"`"+`
}

// Test tests "all" of ruleID, or fails with ErrRuleNotFound; nil is nothing, a RSE is an RSE, see GetAny.
//
//rucio:method TestClient.test POST /x/{rule_id}
//rucio:param bytes_=size how large
func (c *Client) Test(ctx context.Context, ruleID string, size int64, rseExpression *string, o *TestOptions) iter.Seq2[*Item, error] {
	return nil
}

//rucio:method TestClient.get_any - -
func (c *Client) GetAny(ctx context.Context) error { return nil }`)
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(code), " ")
	for _, want := range []string{
		`Doc: "Tests \"all\" of rule_id, or fails with RuleNotFound; null is nothing, a RSE is an RSE, see get_any.", Verb: "POST", Path: "/x/{rule_id}", Returns: Stream,`,
		`{Name: "rule_id", Type: "string", Required: true, Doc: "id of the rule"},`,
		`{Name: "bytes_", Type: "integer", Required: true, Doc: "how large"},`,
		`{Name: "a", Type: "integer", Default: "3", Doc: "how many, see a"},`,
		`{Name: "b", Type: "list of DIDs", Default: "None", Doc: "Which ones, of all."},`,
		`{Name: "c", Type: "datetime", Default: "None"},`,
		`{Name: "d", Type: "string", Default: "'x'"},`,
		`{Name: "e", Type: "list", Default: "None"},`,
		`{Name: "f", Type: "list of maps", Default: "None"},`,
		`{Name: "kwargs", Type: "map", Variadic: true},`,
		`var in struct { ruleID string size int64 rseExpression *string } var o rucio.TestOptions`,
		`need("bytes_", "integer", &in.size).`,
		`take("a", "integer", &o.LongA).`,
		`rest(&o.G).`,
		`{Name: "h", Type: "list of maps", Default: "None"},`,
		`result, err := rows(c.Raw().Test(ctx, in.ruleID, in.size, in.rseExpression, &o)) return result.filled("h", o.H), err`,
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("no %s in\n%s", want, code)
		}
	}
}
