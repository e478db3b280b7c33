package storage

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Checksum implements Backend: what the server answers to Want-Digest (RFC 3230; dCache, XRootD) or Want-Repr-Digest
// (RFC 9530).
func (b *HTTP) Checksum(ctx context.Context, pfn, algorithm string) (string, error) {
	modern := map[string]string{"adler32": "adler", "md5": "md5"}[algorithm]
	if modern == "" {
		_, err := NewHash(algorithm)
		return "", Fail("checksum", pfn, Unsupported, err)
	}
	if signed(pfn) {
		sum, err := b.signedChecksum(ctx, pfn, algorithm)
		return sum, Fail("checksum", pfn, Other, err)
	}
	if b.fearsEmpty(pfn) {
		if info, err := b.Stat(ctx, pfn); err != nil || info.Size == 0 && !info.Folder && b.fearsEmpty(pfn) {
			h, _ := NewHash(algorithm)
			return hex.EncodeToString(h.Sum(nil)), Fail("checksum", pfn, Other, err)
		}
	}
	header := http.Header{"Want-Digest": {algorithm}, "Want-Repr-Digest": {modern + "=10"}}
	resp, err := b.do(ctx, request{method: http.MethodHead, pfn: pfn, header: header})
	if err != nil {
		return "", Fail("checksum", pfn, Other, err)
	}
	discard(resp)
	if sum := findDigest(resp.Header, algorithm, modern); sum != "" {
		return sum, nil
	}
	return "", Fail("checksum", pfn, Unsupported, fmt.Errorf("the server tells no %s: %w", algorithm, errors.ErrUnsupported))
}

// signedChecksum asks as a signed URL allows: for the first byte. Object stores tell the md5 of what was stored in one piece.
func (b *HTTP) signedChecksum(ctx context.Context, pfn, algorithm string) (string, error) {
	header, err := b.headerOfPart(ctx, pfn, 0)
	if hasStatus(err, http.StatusRequestedRangeNotSatisfiable) {
		header, err = b.headerOfPart(ctx, pfn, -1) // it is empty
	}
	if err != nil {
		return "", err
	}
	if algorithm == "md5" {
		if sum := md5OfETag(header.Get("ETag")); sum != "" {
			return sum, nil
		}
		for _, hash := range strings.Split(strings.Join(header.Values("X-Goog-Hash"), ","), ",") {
			if encoded, ok := strings.CutPrefix(strings.TrimSpace(hash), "md5="); ok {
				return readDigest("md5", encoded), nil
			}
		}
	}
	return "", fmt.Errorf("the object store tells no %s: %w", algorithm, errors.ErrUnsupported)
}

func (b *HTTP) headerOfPart(ctx context.Context, pfn string, last int64) (http.Header, error) {
	resp, err := b.part(ctx, pfn, 0, last)
	if err != nil {
		return nil, err
	}
	discard(resp)
	return resp.Header, nil
}

// findDigest reads "Digest: adler32=0a1b2c3d,md5=<base64>" and "Repr-Digest: adler=:<base64>:".
func findDigest(header http.Header, algorithm, modern string) string {
	for _, name := range []string{"Digest", "Repr-Digest"} {
		for _, item := range strings.Split(strings.Join(header.Values(name), ","), ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(item), "=")
			switch {
			case name == "Digest" && strings.EqualFold(key, algorithm), name == "Repr-Digest" && strings.EqualFold(key, modern):
				if sum := readDigest(algorithm, value); sum != "" {
					return sum
				}
			}
		}
	}
	return ""
}

// readDigest reads hex, which adler32 is written in and some servers write md5 in, or base64; "" when it is neither.
func readDigest(algorithm, value string) string {
	width := map[string]int{"adler32": 4, "md5": 16}[algorithm]
	encoded := strings.HasPrefix(value, ":")
	value = strings.Trim(value, `":`)
	if raw, err := hex.DecodeString(NormalChecksum(algorithm, value)); !encoded && err == nil && len(raw) == width {
		return hex.EncodeToString(raw)
	}
	if raw, err := base64.StdEncoding.DecodeString(value); err == nil && len(raw) == width {
		return hex.EncodeToString(raw)
	}
	return ""
}

// setDigests tells the server what it should receive, for it to verify: dCache and others compare Content-MD5 and Digest.
func setDigests(header http.Header, sums map[string]string) {
	var digests []string
	if sum := sums["adler32"]; sum != "" {
		digests = append(digests, "adler32="+NormalChecksum("adler32", sum))
	}
	if raw, err := hex.DecodeString(sums["md5"]); err == nil && len(raw) == 16 {
		encoded := base64.StdEncoding.EncodeToString(raw)
		header.Set("Content-MD5", encoded)
		digests = append(digests, "md5="+encoded)
	}
	if len(digests) > 0 {
		header.Set("Digest", strings.Join(digests, ","))
	}
}

// fearsEmpty tells whether a server must not be asked for the checksum of an empty object. XRootD (5.5 was seen) mixes up
// the answers of a connection, hangs or crashes, sooner or later. A server that is not known yet may be one.
func (b *HTTP) fearsEmpty(pfn string) bool {
	at, err := parseURL(pfn)
	if err != nil {
		return false
	}
	name, known := b.servers.Load(at.Host)
	text, _ := name.(string)
	return !known || strings.HasPrefix(strings.ToLower(text), "xrootd")
}
