package voms

import (
	"cmp"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// attributeNames are the parts of a distinguished name that certificates of the grid have, by the short names that OpenSSL
// gives them; any other is written as its number.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.42": "GN", "2.5.4.97": "organizationIdentifier",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "emailAddress",
}

// DN is a distinguished name as the grid writes it, from a certificate's RawSubject or RawIssuer:
// "/DC=org/DC=example/CN=Jane Doe".
func DN(raw []byte) string {
	var text strings.Builder
	for _, part := range parts(raw) {
		text.WriteString("/" + strings.Join(part, "+"))
	}
	return text.String()
}

// ApacheDN is a distinguished name as Apache gives it to Rucio's server, unless it is told otherwise (RFC 2253, the last part
// first): "CN=Jane Doe,DC=example,DC=org".
func ApacheDN(raw []byte) string {
	all := parts(raw)
	slices.Reverse(all)
	texts := make([]string, len(all))
	for i, part := range all {
		for j, attribute := range part {
			name, value, _ := strings.Cut(attribute, "=")
			part[j] = name + "=" + escape(value)
		}
		texts[i] = strings.Join(part, "+")
	}
	return strings.Join(texts, ",")
}

// parts returns the parts of a name in order, each a list of "CN=Jane Doe" that has one element nearly always.
func parts(raw []byte) [][]string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &name); err != nil {
		return nil
	}
	all := make([][]string, len(name))
	for i, part := range name {
		for _, attribute := range part {
			id := attribute.Type.String()
			all[i] = append(all[i], fmt.Sprintf("%s=%v", cmp.Or(attributeNames[id], id), attribute.Value))
		}
	}
	return all
}

// escape writes what means something in RFC 2253 with a backslash.
func escape(value string) string {
	var text strings.Builder
	for i, r := range value {
		edge := i == 0 && (r == ' ' || r == '#') || i == len(value)-1 && r == ' '
		if edge || strings.ContainsRune(`,+"\<>;`, r) {
			text.WriteByte('\\')
		}
		text.WriteRune(r)
	}
	return text.String()
}
