package transfer

import (
	"encoding/binary"
	"fmt"
)

// adlerMod is the largest prime below 2^16.
const adlerMod = 65521

// joinAdler32 returns the adler32 of two pieces one after the other, from that of each and the length of the second. Of
// bytes b1 ... bn it is A = 1 + b1 + ... + bn and B = the sum of all values that A took on the way, both modulo a prime.
// Had the second piece begun with the A of the first rather than with 1, each of its values of A would be larger by A-1.
func joinAdler32(first, second uint32, length int64) uint32 {
	a1, b1 := uint64(first&0xffff), uint64(first>>16)
	a2, b2 := uint64(second&0xffff), uint64(second>>16)
	more := a1 + adlerMod - 1
	a := (a2 + more) % adlerMod
	b := (b1 + b2 + uint64(length%adlerMod)*(more%adlerMod)) % adlerMod //nolint:gosec // lengths are positive
	return uint32(b<<16 | a)                                            //nolint:gosec // both are below 2^16
}

// adler32 is that of the whole file, from those of its segments.
func (p *part) adler32() string {
	sum := uint32(1) // of nothing
	for _, s := range p.segments {
		sum = joinAdler32(sum, binary.BigEndian.Uint32(s.hash.Sum(nil)), s.done)
	}
	return fmt.Sprintf("%08x", sum)
}
