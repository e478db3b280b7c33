package transfer

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// metalink is what list_replicas gives as application/metalink4+xml (RFC 5854 with Rucio's own attributes).
type metalink struct {
	XMLName xml.Name       `xml:"urn:ietf:params:xml:ns:metalink metalink"`
	Files   []metalinkFile `xml:"file"`
}

type metalinkFile struct {
	Identity *string  `xml:"identity"` // the DID
	Parents  []string `xml:"parents>did"`
	Size     string   `xml:"size"`
	Hashes   []struct {
		Type string `xml:"type,attr"`
		Sum  string `xml:",chardata"`
	} `xml:"hash"`
	URLs []struct {
		Location string `xml:"location,attr"` // the RSE
		Domain   string `xml:"domain,attr"`
		Priority string `xml:"priority,attr"`
		Extract  string `xml:"client_extract,attr"`
		PFN      string `xml:",chardata"`
	} `xml:"url"`
}

// byMetalink makes files of what a metalink says, all of them wanted as one order says.
func (d *download) byMetalink(path string, o *order) ([]*wanted, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: read the metalink: %w", d.method, err)
	}
	var doc metalink
	if err := xml.Unmarshal(text, &doc); err != nil {
		return nil, refuse(d.method, rucio.ErrMetalinkJsonParsingError, "%s is no metalink: %v", path, err)
	}
	files := make([]*wanted, len(doc.Files))
	for i, entry := range doc.Files {
		if entry.Identity == nil {
			return nil, refuse(d.method, rucio.ErrInputValidationError, "file %d of the metalink %s has no identity", i+1, path)
		}
		did, err := parseDID(d.method, strings.TrimSpace(*entry.Identity))
		if err != nil {
			return nil, err
		}
		if files[i], err = entry.file(did, o); err != nil {
			return nil, refuse(d.method, rucio.ErrInputValidationError, "%s in the metalink %s: %v", did, path, err)
		}
	}
	if err := d.place(files); err != nil {
		return nil, err
	}
	return pack(files), nil
}

func (e metalinkFile) file(did rucio.DID, o *order) (*wanted, error) {
	f := &wanted{
		did: did, parents: e.Parents, sources: []source{}, noImpl: true,
		inputs: []input{{did: did, info: map[string]any{}, orders: []*order{o}}}, options: merge([]*order{o}),
	}
	if e.Size != "" {
		n, err := strconv.ParseInt(strings.TrimSpace(e.Size), 10, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is no size", e.Size)
		}
		f.bytes = &n
	}
	for _, hash := range e.Hashes {
		switch hash.Type {
		case "adler32":
			f.adler32 = strings.TrimSpace(hash.Sum)
		case "md5":
			f.md5 = strings.TrimSpace(hash.Sum)
		}
	}
	for i, u := range e.URLs {
		priority, err := strconv.Atoi(cmp.Or(u.Priority, strconv.Itoa(i+1)))
		if err != nil {
			return nil, fmt.Errorf("%q is no priority", u.Priority)
		}
		f.sources = append(f.sources, source{
			pfn: strings.TrimSpace(u.PFN), rse: u.Location, domain: u.Domain, priority: priority, extract: strings.EqualFold(u.Extract, "true"),
		})
	}
	slices.SortStableFunc(f.sources, func(a, b source) int { return cmp.Compare(a.priority, b.priority) })
	return f, nil
}
