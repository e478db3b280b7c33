package xrd

import (
	"fmt"
	"hash/crc32"
	"io"
)

// Pages of kXR_pgread and kXR_pgwrite are 4 KiB, at multiples of that in the file, each sent after its crc32c.
const (
	pageSize = 4096
	pageUnit = pageSize + 4
	// pageRetries bounds how often a damaged page is asked for or sent again.
	pageRetries = 3
)

// pageLen returns how many bytes from offset on lie in its page, at most left.
func pageLen(offset int64, left int) int {
	return min(pageSize-int(offset%pageSize), left)
}

// pagedSize returns how many bytes n bytes from offset on are on the wire.
func pagedSize(offset int64, n int) int {
	if n == 0 {
		return 0
	}
	first := int(offset % pageSize)
	return n + 4*((first+n+pageSize-1)/pageSize)
}

// appendPages appends data as it is sent, page after page, each after its checksum.
func appendPages(b, data []byte, offset int64) []byte {
	for len(data) > 0 {
		n := pageLen(offset, len(data))
		b = be.AppendUint32(b, crc32.Checksum(data[:n], castagnoli))
		b = append(b, data[:n]...)
		data, offset = data[n:], offset+int64(n)
	}
	return b
}

// damaged is a page that arrived with a wrong checksum: n bytes at offset in the file.
type damaged struct {
	offset int64
	n      int
}

// readPages reads size bytes of pages from r into dst, which begins at offset in the file. It returns how many bytes of
// dst it filled and which of its pages are damaged.
func readPages(r io.Reader, dst []byte, offset int64, size int) (filled int, bad []damaged, err error) {
	var sum [4]byte
	for size > 0 {
		if size <= len(sum) {
			return filled, bad, malformed("a page of %d bytes", size)
		}
		if _, err := io.ReadFull(r, sum[:]); err != nil {
			return filled, bad, err
		}
		at := offset + int64(filled)
		n := pageLen(at, size-len(sum))
		if n > len(dst)-filled {
			return filled, bad, malformed("more bytes than were asked for")
		}
		page := dst[filled : filled+n]
		if _, err := io.ReadFull(r, page); err != nil {
			return filled, bad, err
		}
		if crc32.Checksum(page, castagnoli) != be.Uint32(sum[:]) {
			bad = append(bad, damaged{at, n})
		}
		filled, size = filled+n, size-n-len(sum)
	}
	return filled, bad, nil
}

// parseDamaged reads which pages the server got with wrong checksums, out of n bytes written at offset: nothing, or a
// checksum of the list, the lengths of its first and last pages, and the offsets.
func parseDamaged(b []byte, offset int64, n int) ([]damaged, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < 16 || len(b)%8 != 0 {
		return nil, malformed("a list of damaged pages of %d bytes", len(b))
	}
	if crc32.Checksum(b[4:], castagnoli) != be.Uint32(b) {
		return nil, fmt.Errorf("the server's list of damaged pages: %w", ErrChecksum)
	}
	var bad []damaged
	end := offset + int64(n)
	for b = b[8:]; len(b) > 0; b = b[8:] {
		at := int64(be.Uint64(b)) //nolint:gosec // checked on the next line
		if at < offset || at >= end {
			return nil, malformed("a damaged page at %d, outside of what was written", at)
		}
		// a page ends at its boundary or with what was written
		bad = append(bad, damaged{at, int(min(end-at, int64(pageLen(at, pageSize))))})
	}
	return bad, nil
}
