package transfer

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// The states in which a download leaves a file, as Python's clients name them in results and traces.
const (
	stateProcessing  = "PROCESSING"
	stateAttempt     = "DOWNLOAD_ATTEMPT"
	stateDone        = "DONE"
	stateAlreadyDone = "ALREADY_DONE"
	stateNotFound    = "FILE_NOT_FOUND"
	stateInvalid     = "FAIL_VALIDATE"
	stateFailed      = "FAILED"
)

// wanted is a file to be downloaded, or an archive for the sake of files in it.
type wanted struct {
	did          rucio.DID
	bytes        *int64 // nil is unknown
	adler32, md5 string // empty is unknown
	sources      []source
	parents      []string // all collections that it is in; nil for a file of which no server was asked
	inputs       []input  // by which DIDs it is wanted
	options      merged
	dests        []string // absolute; the first is where it is fetched to
	impl         string   // of the protocol, when asked for
	noImpl       bool     // the result does not speak of impl
	archived     []*wanted
	given        Item // of download_pfns

	state   string
	attempt int
	reason  string // of a failure, for traces
	err     error  // why it is not there
}

// source is a replica by one protocol.
type source struct {
	pfn, rse, domain string
	priority         int
	extract          bool // the PFN is that of an archive which the file is in
	bare             bool // only pfn and rse are known
}

// input is a DID that was asked for, to which a file belongs.
type input struct {
	did    rucio.DID
	info   map[string]any // what the server tells of it
	orders []*order
}

// merged are the options of all orders that a file is wanted by.
type merged struct {
	destinations   [][2]any // base_dir and no_subdir of each
	ignoreChecksum bool
	sizeOnly       bool
	archives       bool
	timeout, speed *float64
	few            bool // only what download_pfns tells of them
}

// merge puts the options of orders together: the longest timeout, the lowest speed, the laxest check.
func merge(orders []*order) merged {
	var m merged
	for _, o := range orders {
		place := [2]any{cmp.Or(o.baseDir, "."), o.noSubdir}
		if !slices.Contains(m.destinations, place) {
			m.destinations = append(m.destinations, place)
		}
		m.ignoreChecksum = m.ignoreChecksum || o.ignoreChecksum
		m.sizeOnly = m.sizeOnly || o.sizeOnly
		m.archives = m.archives || !o.noArchives
		if o.timeout != nil && (m.timeout == nil || *o.timeout > *m.timeout) {
			m.timeout = o.timeout
		}
		if o.speed != nil && (m.speed == nil || *o.speed < *m.speed) {
			m.speed = o.speed
		}
	}
	return m
}

// temp is where a file's bytes are until it is complete.
func (f *wanted) temp() string { return f.dests[0] + ".part" }

// fail ends a file's download.
func (f *wanted) fail(state string, err error) { f.state, f.err = state, err }

// size is the size of a file, -1 when it is not known.
func (f *wanted) size() int64 {
	if f.bytes == nil {
		return -1
	}
	return *f.bytes
}

// item tells of a file as Python's clients do.
func (f *wanted) item() Item {
	item := Item{}
	for key, value := range f.given {
		if key != "transfer_timeout" {
			item[key] = value
		}
	}
	item["scope"], item["name"] = f.did.Scope, f.did.Name
	item["merged_options"] = f.options.item(f.archived != nil)
	item["clientState"] = f.state
	if len(f.dests) > 0 {
		item["dest_file_paths"], item["temp_file_path"] = f.dests, f.temp()
	}
	if f.attempt > 0 {
		item["attemptnr"] = f.attempt
	}
	if f.err != nil {
		item["stateReason"] = f.err.Error()
	}
	if f.archived != nil {
		var items []Item
		for _, one := range f.archived {
			items = append(items, one.item())
		}
		item["archive_items"], item["sources"] = items, sourceItems(f.sources)
		return item
	}
	inputs := map[string]any{}
	for _, in := range f.inputs {
		inputs[in.did.String()] = in.info
	}
	item["input_dids"] = inputs
	if f.given != nil {
		item["sources"] = sourceItems(f.sources)
		return item
	}
	f.describe(item)
	return item
}

// describe adds what the catalogue knows.
func (f *wanted) describe(item Item) {
	item["did"], item["adler32"], item["md5"] = f.did.String(), orNil(f.adler32), orNil(f.md5)
	item["parent_dids"] = append([]string{}, f.parents...)
	if f.sources != nil {
		item["sources"] = sourceItems(f.sources)
	}
	if f.bytes != nil {
		item["bytes"] = *f.bytes
	}
	if !f.noImpl {
		item["impl"] = orNil(f.impl)
	}
	if len(f.inputs) > 0 {
		item["dataset_scope"], item["dataset_name"] = f.inputs[0].did.Scope, f.inputs[0].did.Name
	}
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func sourceItems(sources []source) []map[string]any {
	items := make([]map[string]any, len(sources))
	for i, s := range sources {
		items[i] = map[string]any{"rse": s.rse, "pfn": s.pfn}
		if !s.bare {
			items[i]["domain"], items[i]["priority"], items[i]["client_extract"] = s.domain, strconv.Itoa(s.priority), s.extract
		}
	}
	return items
}

func (m merged) item(archive bool) map[string]any {
	if archive {
		return map[string]any{"ignore_checksum": true}
	}
	options := map[string]any{"ignore_checksum": m.ignoreChecksum, "transfer_timeout": numberOrNil(m.timeout)}
	if m.few {
		return options
	}
	var places []any
	for _, place := range m.destinations {
		places = append(places, []any{place[0], place[1]})
	}
	options["destinations"], options["check_local_with_filesize_only"] = places, m.sizeOnly
	options["resolve_archives"], options["transfer_speed_timeout"] = m.archives, numberOrNil(m.speed)
	return options
}

func numberOrNil(n *float64) any {
	if n == nil {
		return nil
	}
	return *n
}
