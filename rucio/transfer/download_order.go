package transfer

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// order is an item of a download: what is wanted, and how.
type order struct {
	dids           []string
	filters        map[string]any
	rse, impl      string
	schemes        []string // to be used; none is any
	noArchives     bool     // files are not looked for within archives
	baseDir        string
	noSubdir       bool
	random         int // as many files of a collection, by chance
	ignoreChecksum bool
	sizeOnly       bool     // an existing local file is the right one when its size is
	timeout, speed *float64 // of one attempt: in seconds; as a rate in kB/s

	pfn, adler32, md5 string // of download_pfns
	bytes             *int64
	given             Item
}

// readOrders decodes all items, or says which key of which item is wrong.
func readOrders(method string, items []Item) ([]*order, error) {
	orders := make([]*order, len(items))
	for i, item := range items {
		r := orderReader{item: item}
		orders[i] = r.order()
		if r.err != nil {
			return nil, refuse(method, rucio.ErrInputValidationError, "item %d: %v", i+1, r.err)
		}
	}
	return orders, nil
}

// orderReader reads values of an item. A key that is null is as good as absent.
type orderReader struct {
	item Item
	err  error // the first
}

func (r *orderReader) order() *order {
	o := &order{
		dids: r.texts("did"), filters: r.object("filters"), rse: r.text("rse"), impl: r.text("impl"),
		schemes: r.texts("force_scheme"), noArchives: r.flag("no_resolve_archives"),
		baseDir: r.text("base_dir"), noSubdir: r.flag("no_subdir"), random: r.count("nrandom"),
		ignoreChecksum: r.flag("ignore_checksum"), sizeOnly: r.flag("check_local_with_filesize_only"),
		timeout: r.number("transfer_timeout"), speed: r.number("transfer_speed_timeout"),
		pfn: r.text("pfn"), adler32: r.text("adler32"), md5: r.text("md5"), given: r.item,
	}
	if resolve := r.item["resolve_archives"]; resolve != nil && r.item["no_resolve_archives"] == nil { // the old key
		o.noArchives = !r.flag("resolve_archives")
	}
	if r.item["bytes"] != nil {
		n := int64(r.count("bytes"))
		o.bytes = &n
	}
	return o
}

func (r *orderReader) wrong(key, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s is to be %s, not %s", key, want, describe(r.item[key]))
	}
}

// describe shows a value in few words.
func describe(v any) string {
	text, err := json.Marshal(v)
	if err != nil || len(text) > 60 {
		return fmt.Sprintf("a %T", v)
	}
	return string(text)
}

func (r *orderReader) text(key string) string {
	switch v := r.item[key].(type) {
	case nil:
	case string:
		return v
	default:
		r.wrong(key, "text")
	}
	return ""
}

// texts reads text or a list of it.
func (r *orderReader) texts(key string) []string {
	switch v := r.item[key].(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
		return []string{v}
	case []string:
		return v
	case []any:
		var list []string
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				r.wrong(key, "text or a list of text")
			}
			list = append(list, text)
		}
		return list
	}
	r.wrong(key, "text or a list of text")
	return nil
}

func (r *orderReader) object(key string) map[string]any {
	switch v := r.item[key].(type) {
	case nil:
	case map[string]any:
		return v
	default:
		r.wrong(key, "a map")
	}
	return nil
}

func (r *orderReader) flag(key string) bool {
	switch v := r.item[key].(type) {
	case nil:
	case bool:
		return v
	default:
		r.wrong(key, "true or false")
	}
	return false
}

// number reads a number of zero or more; Python takes one within quotes as well.
func (r *orderReader) number(key string) *float64 {
	var n float64
	var err error
	switch v := r.item[key].(type) {
	case nil:
		return nil
	case int:
		n = float64(v)
	case int64:
		n = float64(v)
	case float64:
		n = v
	case json.Number:
		n, err = v.Float64()
	case string:
		n, err = strconv.ParseFloat(strings.TrimSpace(v), 64)
	default:
		r.wrong(key, "a number")
		return nil
	}
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		r.wrong(key, "a number of 0 or more")
		return nil
	}
	return &n
}

func (r *orderReader) count(key string) int {
	n := r.number(key)
	if n == nil {
		return 0
	}
	if *n != math.Trunc(*n) || *n > 1<<53 {
		r.wrong(key, "a whole number")
	}
	return int(*n)
}
