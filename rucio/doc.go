// Package rucio is a client of Rucio's REST API. It has the methods of the Python client, by the same names in Go's
// spelling: add_replication_rule is AddReplicationRule.
//
//	c, err := rucio.New(rucio.Options{Hosts: []string{"https://rucio.example.org"}, Account: "jdoe", Credentials: login})
//	...
//	for rse, err := range c.ListRSEs(ctx, &rucio.ListRSEsOptions{RSEExpression: "country=UK"}) {
//		if errors.Is(err, rucio.ErrInvalidRSEExpression) { ... }
//	}
//
// Required parameters are positional, in Python's order; optional ones are fields of an options struct, which may be nil. A
// field that is zero takes Python's default. Lists are sequences that are read from the network as they are ranged over, in
// constant memory; leaving the loop or ending the context ends the request, and a list that broke off ends with an error,
// never early. Typed results name the fields people use and keep all others, see [Object]; [Client.Raw] gives JSON only.
//
// A failed call is an [*Error] with Rucio's exception class, to be compared with errors.Is. A request is repeated while the
// server is down, at the next host if there are several, and once with a new token when it refuses the old one.
//
// Sizes, quotas and usage are bytes; lifetimes are seconds, from now on where they are set; times are UTC, to the second, as the
// server's clock has them. A field has the name of the server's in Go's spelling, and says what it is where the name does not;
// what the server sends as null is nil, "" or the zero time. A quota that is unlimited is infinite ([Quota]), in JSON 1e999. What a
// method returns, and the exceptions it fails with, are in its comment; both are what version 41.5.1 of Rucio's server does, seen
// side by side with rucio-clients of that version.
//
// # Adding a method
//
// A method of the Python client is one Go method, in the file named after Python's (ruleclient.py: rule.go):
//
//	// ListRSEsOptions narrow ListRSEs.
//	type ListRSEsOptions struct {
//		RSEExpression string `py:"rse_expression=None"` // such as "country=UK&type=DISK"
//	}
//
//	// ListRSEs lists the RSEs, all or those of an RSE expression.
//	//
//	//rucio:method RSEClient.list_rses GET /rses/
//	func (c *Client) ListRSEs(ctx context.Context, o *ListRSEsOptions) iter.Seq2[*RSE, error] {
//		o = withDefaults(o)
//		return stream[RSE](ctx, c, get("list_rses", "/rses/").query("expression", o.RSEExpression))
//	}
//
// Its last line follows the last lines of Python's: exec for "return True", one for an object ("loads(r.text)" or
// "next(self._load_json_data(r))"), list for a list of objects in one piece, value for other JSON ("loads(r.text)" of a
// list of names), text for "r.text", stream for "return self._load_json_data(r)". The request is get, post, put or del with
// Python's name and a path whose placeholders take the next values, escaped. Then, as needed: query (leaves out what is
// absent), flag (only when true: "if long:"), queryMap ("params=filters"), json with fields ("dumps({...})"; absent options
// are null, text by orNull), with ("if x: data['x'] = x"), orEmpty (a list that must not be null), accept, anonymous, at
// (another host), noneOn (a status that means nothing there), refuse (arguments that Python's client refuses: argumentError
// with its class and words).
//
//   - Parameters are named mechanically: ruleID is rule_id. If that does not do, or to describe one, a line
//     "//rucio:param bytes_=limit what it is" follows the directive; Python's **kwargs are "//rucio:param **kwargs=settings".
//   - The tag of an option has Python's name and default, as Python writes it; withDefaults fills it in. Use a pointer where
//     zero differs from absent (*int; *bool when the default is True). Its comment is its description in the catalog.
//   - A result embeds [Object]; its fields have json tags; what may be null, and whose zero would mislead, is a pointer.
//     Values of no fixed type are any or json.RawMessage; results of no fixed shape are *Object.
//   - An argument that is an object is a struct with Extra (see [DID]), with a line "//rucio:kind DID" for people.
//   - A method that looks into the answer of another calls it on c.typed(): the catalog calls with Raw, where fields are empty.
//   - A method that returns None in Python, not True, has the line "//rucio:none". One that makes no request has "- -" in
//     place of verb and path.
//
// Then run go generate ./rucio/catalog, and add cases of success and failure to rucio/catalog/testdata/cases, which are run
// by the Python client and by this one on the same server; see rucio/catalog/diff_test.go for what a case may say.
package rucio
