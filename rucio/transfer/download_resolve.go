package transfer

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// metadataBatch is how many DIDs are looked up by one request.
const metadataBatch = 1000

// byDID finds the files that items ask for, and where their replicas are. Each is given as soon as the server has told of it, but
// those that may come out of archives: which ones are worth fetching is known in the end.
func (d *download) byDID(ctx context.Context, items []Item, sort string) (iter.Seq2[*wanted, error], error) {
	orders, err := readOrders(d.method, items)
	if err != nil {
		return nil, err
	}
	for i, o := range orders {
		if scope, _ := o.filters["scope"].(string); len(o.dids) == 0 && scope == "" {
			return nil, refuse(d.method, rucio.ErrInputValidationError, "item %d has neither did nor filters with a scope", i+1)
		}
	}
	inputs, err := d.inputs(ctx, orders)
	if err != nil {
		return nil, err
	}
	d.foreseen = foresee(orders, inputs)
	tapes := d.tapes(ctx)
	return func(yield func(*wanted, error) bool) {
		places := places{method: d.method}
		var packed []*wanted
		for _, group := range groups(orders) {
			for f, err := range d.replicas(ctx, group, inputsOf(group, inputs), sort) {
				if err == nil {
					f.dropTapes(tapes)
					err = places.give(f)
				}
				switch {
				case err != nil:
					yield(nil, err)
					return
				case f.mayBePacked():
					packed = append(packed, f)
				case !yield(f, nil):
					return
				}
			}
		}
		for _, f := range pack(packed) {
			if !yield(f, nil) {
				return
			}
		}
	}, nil
}

// foresee tells how much DIDs are, as far as the server has told. Files that are in two of them count twice.
func foresee(orders []*order, inputs []*input) (a amount) {
	if slices.ContainsFunc(orders, func(o *order) bool { return o.random > 0 }) {
		return amount{}
	}
	for _, in := range inputs {
		length, _ := in.info["length"].(int64)
		bytes, _ := in.info["bytes"].(int64)
		a.files, a.bytes = a.files+int(length), a.bytes+bytes
	}
	return a
}

// inputs finds the DIDs that orders ask for, wildcards and filters resolved, each once with all its orders.
func (d *download) inputs(ctx context.Context, orders []*order) ([]*input, error) {
	var all []*input
	known := map[string]*input{}
	add := func(o *order, did rucio.DID, info map[string]any) {
		in := known[did.String()]
		if in == nil {
			in = &input{did: did, info: info}
			known[did.String()] = in
			all = append(all, in)
		}
		if in.info == nil {
			in.info = info
		}
		if !slices.Contains(in.orders, o) {
			in.orders = append(in.orders, o)
		}
	}
	for _, o := range orders {
		exact, searches, err := d.searches(o)
		if err != nil {
			return nil, err
		}
		for _, did := range exact {
			add(o, did, nil)
		}
		for _, s := range searches {
			found := 0
			for row, err := range d.c.ListDIDs(ctx, s.did.Scope, rucio.Filters{s.filters}, &rucio.ListDIDsOptions{DIDType: "all", Long: true}) {
				if err != nil {
					return nil, err
				}
				add(o, cleanDID(row.Scope, row.Name), didInfo(row.Scope, row.Name, row.Type, row.Bytes, row.Length))
				found++
			}
			switch {
			case found > 0:
			case s.did.Name != "" && !strings.Contains(s.did.Name, "*"):
				add(o, s.did, nil) // to be reported as not found
			default:
				d.log.WarnContext(ctx, "nothing matches what is to be downloaded", "scope", s.did.Scope, "filters", s.filters)
			}
		}
	}
	return all, d.inspect(ctx, all)
}

// search is a request for DIDs by filters.
type search struct {
	did     rucio.DID // the name may have wildcards or be empty
	filters map[string]any
}

// searches says which DIDs an order names, and which are to be looked for.
func (d *download) searches(o *order) (exact []rucio.DID, searches []search, err error) {
	filters := maps.Clone(o.filters)
	delete(filters, "scope")
	if len(o.dids) == 0 {
		scope, _ := o.filters["scope"].(string)
		return nil, []search{{did: rucio.DID{Scope: scope}, filters: filters}}, nil
	}
	for _, text := range o.dids {
		did, err := parseDID(d.method, text)
		if err != nil {
			return nil, nil, err
		}
		if len(filters) == 0 && !strings.Contains(did.Name, "*") {
			exact = append(exact, did)
			continue
		}
		narrowed := maps.Clone(filters)
		if narrowed == nil {
			narrowed = map[string]any{}
		}
		narrowed["name"] = did.Name
		searches = append(searches, search{did, narrowed})
	}
	return exact, searches, nil
}

// parseDID splits scope and name as Python's clients do. A name without a scope begins with it.
func parseDID(method, text string) (rucio.DID, error) {
	scope, name, found := strings.Cut(text, ":")
	if !found {
		parts := strings.SplitN(text, ".", 3)
		scope, name = parts[0], text
		if (strings.HasPrefix(text, "user") || strings.HasPrefix(text, "group")) && len(parts) > 1 {
			scope = parts[0] + "." + parts[1]
		}
	}
	if scope == "" || name == "" || strings.Contains(name, ":") {
		return rucio.DID{}, refuse(method, rucio.ErrInputValidationError, "%q is no DID: it is to be scope:name", text)
	}
	return cleanDID(scope, name), nil
}

// cleanDID takes off the slash that names of containers once ended with.
func cleanDID(scope, name string) rucio.DID {
	return rucio.DID{Scope: scope, Name: strings.TrimSuffix(name, "/")}
}

// didInfo is what a result tells of a DID that was asked for. Of files servers do not say that they are one file.
func didInfo(scope, name, kind string, bytes, length *int64) map[string]any {
	info := map[string]any{"scope": scope, "name": name, "did_type": kind, "bytes": nil, "length": nil}
	if bytes != nil {
		info["bytes"] = *bytes
	}
	if length != nil {
		info["length"] = *length
	} else if kind == "FILE" {
		info["length"] = int64(1)
	}
	return info
}

// inspect learns what the DIDs are of which only the name is known, and how large collections are.
func (d *download) inspect(ctx context.Context, inputs []*input) error {
	unknown := map[string]*input{}
	var dids []rucio.DID
	for _, in := range inputs {
		if in.info == nil {
			in.info = map[string]any{"scope": in.did.Scope, "name": in.did.Name}
			unknown[in.did.String()] = in
			dids = append(dids, in.did)
		}
	}
	for batch := range slices.Chunk(dids, metadataBatch) {
		for row, err := range d.c.GetMetadataBulk(ctx, batch, nil) {
			if err != nil {
				return err
			}
			var more struct {
				Type   string `json:"did_type"`
				Bytes  *int64 `json:"bytes"`
				Length *int64 `json:"length"`
			}
			if err := row.Decode(&more); err != nil {
				return fmt.Errorf("%s: what %s:%s is: %w", d.method, row.Scope, row.Name, err)
			}
			if in := unknown[row.Scope+":"+row.Name]; in != nil {
				in.info = didInfo(row.Scope, row.Name, more.Type, more.Bytes, more.Length)
			}
		}
	}
	d.measure(ctx, inputs)
	return ctx.Err()
}

// measure asks how many files and bytes are in collections. It is for the result only, so failures do not matter.
func (d *download) measure(ctx context.Context, inputs []*input) {
	var group sync.WaitGroup
	turns := make(chan struct{}, defaultWorkers)
	for _, in := range inputs {
		if kind, _ := in.info["did_type"].(string); kind != "CONTAINER" && (kind != "DATASET" || in.info["length"] != nil) {
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			did, err := d.c.GetDID(ctx, in.did.Scope, in.did.Name, &rucio.GetDIDOptions{DynamicDepth: "FILE"})
			if err != nil {
				d.log.DebugContext(ctx, "the size of a collection is not to be had", "did", in.did.String(), "error", err)
				return
			}
			in.info = didInfo(in.did.Scope, in.did.Name, did.Type, did.Bytes, did.Length)
		})
	}
	group.Wait()
}

// groups puts orders together whose replicas are found by one request. An order of so many files by chance is alone, or
// two of them would get the same ones.
func groups(orders []*order) [][]*order {
	var all [][]*order
	for _, o := range orders {
		at := slices.IndexFunc(all, func(group []*order) bool {
			first := group[0]
			return o.random == 0 && first.random == 0 && o.rse == first.rse && o.impl == first.impl && o.noArchives == first.noArchives &&
				slices.Equal(o.schemes, first.schemes)
		})
		if at < 0 {
			all = append(all, []*order{o})
		} else {
			all[at] = append(all[at], o)
		}
	}
	return all
}

// inputsOf are the DIDs that a group of orders asks for, with these orders alone.
func inputsOf(group []*order, inputs []*input) []input {
	var narrowed []input
	for _, in := range inputs {
		var orders []*order
		for _, o := range in.orders {
			if slices.Contains(group, o) {
				orders = append(orders, o)
			}
		}
		if len(orders) > 0 {
			narrowed = append(narrowed, input{in.did, in.info, orders})
		}
	}
	return narrowed
}

// replicas lists the files of DIDs with their replicas. A DID of which there is none is a file without sources.
func (d *download) replicas(ctx context.Context, group []*order, inputs []input, sort string) iter.Seq2[*wanted, error] {
	first := group[0]
	options := &rucio.ListReplicasOptions{
		Schemes: first.schemes, IgnoreAvailability: new(bool), RSEExpression: first.rse, ClientLocation: d.m.location().fields(),
		Sort: sort, ResolveParents: true,
	}
	if len(first.schemes) == 0 {
		options.Schemes = downloadSchemes()
	}
	if first.random > 0 {
		options.Nrandom = &first.random
	}
	archives := !first.noArchives
	options.ResolveArchives = &archives
	dids := make([]rucio.DID, len(inputs))
	for i, in := range inputs {
		dids[i] = in.did
	}
	return func(yield func(*wanted, error) bool) {
		if len(inputs) == 0 {
			return
		}
		files := 0
		met := map[string]bool{}
		for row, err := range d.c.ListReplicas(ctx, dids, options) {
			if err != nil {
				yield(nil, noRSE(d.method, first.rse, err))
				return
			}
			f := fileOf(row, inputs)
			f.impl, f.noImpl = implementation(first.impl), first.impl == "" && len(first.schemes) > 0
			for _, in := range f.inputs {
				met[in.did.String()] = true
			}
			files++
			if !yield(f, nil) {
				return
			}
		}
		if first.random > 0 && first.random == files {
			return // what was asked for; the other DIDs were not drawn
		}
		for _, in := range inputs {
			if met[in.did.String()] {
				continue
			}
			f := &wanted{did: in.did, sources: []source{}, inputs: []input{in}, options: merge(in.orders), impl: implementation(first.impl)}
			if !yield(f, nil) {
				return
			}
		}
	}
}
