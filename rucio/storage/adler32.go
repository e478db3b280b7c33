package storage

import (
	"encoding/binary"
	"hash"
)

// adler32 is the checksum of the field, which every byte that moves goes through. The one of the standard library adds byte by
// byte; this one adds eight at a time in the lanes of two words, which takes half the time.
//
// Of bytes x(0) ... x(n-1), a grows by their sum and b by n*a + n*x(0) + (n-1)*x(1) + ... + 1*x(n-1), modulo adlerMod.
type adler32 struct{ a, b uint64 }

const (
	adlerMod = 65521
	// laneWords is how many words are added until a lane of 16 bits might be full: 255 * 22 * 23 / 2 < 65536.
	laneWords = 22
	// adlerPiece is after how many bytes the remainders are taken.
	adlerPiece = 64 << 10
	evenLanes  = 0x00ff00ff00ff00ff
)

// newAdler32 returns a hash like that of hash/adler32.
func newAdler32() hash.Hash32 { return &adler32{a: 1} }

func (*adler32) Size() int      { return 4 }
func (*adler32) BlockSize() int { return 4 }
func (d *adler32) Reset()       { *d = adler32{a: 1} }
func (d *adler32) Sum32() uint32 {
	return uint32(d.b<<16 | d.a) //nolint:gosec // both are below 2^16
}

func (d *adler32) Sum(in []byte) []byte { return binary.BigEndian.AppendUint32(in, d.Sum32()) }

// Write implements io.Writer.
func (d *adler32) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		piece := p[:min(len(p), adlerPiece)]
		p = p[len(piece):]
		for len(piece) >= 8 {
			words := min(len(piece)/8, laneWords)
			d.add(piece[:8*words])
			piece = piece[8*words:]
		}
		for _, x := range piece {
			d.a += uint64(x)
			d.b += d.a
		}
		d.a %= adlerMod
		d.b %= adlerMod
	}
	return n, nil
}

// add adds at most laneWords words. Byte j of word k of n words counts 8*(n-k) - j times in b: sums of sums give the first
// part, lanes that are kept apart the second.
func (d *adler32) add(p []byte) {
	var even, odd, evens, odds uint64 // sums of bytes, and sums of these sums, in four lanes each
	d.b += uint64(len(p)) * d.a
	for ; len(p) >= 8; p = p[8:] {
		word := binary.LittleEndian.Uint64(p)
		even += word & evenLanes
		odd += word >> 8 & evenLanes
		evens += even
		odds += odd
	}
	lane := func(word uint64, i int) uint64 { return word >> (16 * i) & 0xffff }
	total := func(word uint64) uint64 { return lane(word, 0) + lane(word, 1) + lane(word, 2) + lane(word, 3) }
	d.a += total(even) + total(odd)
	d.b += 8 * (total(evens) + total(odds))
	d.b -= 2*lane(even, 1) + 4*lane(even, 2) + 6*lane(even, 3) + lane(odd, 0) + 3*lane(odd, 1) + 5*lane(odd, 2) + 7*lane(odd, 3)
}
