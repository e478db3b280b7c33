package transfer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"math/bits"
	"os"
)

// addBitTorrent sets the metadata from which a .torrent of a new file is made, if that is wanted.
func (u *upload) addBitTorrent(ctx context.Context, files []*uploadFile) {
	if !u.m.setup.BitTorrent {
		return
	}
	for _, f := range files {
		if f.known.DIDType != "" {
			continue // it was not new
		}
		meta, err := bitTorrentOf(f.result.Path)
		if err == nil {
			err = u.c.SetMetadataBulk(ctx, f.did.Scope, f.did.Name, meta, nil)
		}
		if err != nil {
			f.fail(&registrationError{refuse("upload", classOf(err), "the file is on %s and registered, but without its BitTorrent metadata: %v", f.result.RSE, err)})
		}
	}
}

// The block that BitTorrent v2 (BEP 52) hashes, as a power of two, and the most that is kept of a file's hashes.
const (
	blockPower  = 14 // 16 KiB
	layersPower = 20 // 1 MiB
	hashPower   = 5  // 32 bytes
)

// piecePower is the size of the pieces that a file of a size is shared in, as a power of two: few enough that their hashes are
// about as many bytes as the square root of the size.
func piecePower(size int64) int {
	if size == 0 {
		return blockPower
	}
	layers := min(int(math.Floor(math.Log2(math.Sqrt(float64(size))))), layersPower)
	return max(bits.Len64(uint64(size-1))-max(layers-hashPower, 0), blockPower) //nolint:gosec // no size is negative
}

// bitTorrentOf computes the metadata: the hashes of a file's pieces, and the root of the tree above them.
func bitTorrentOf(path string) (map[string]any, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return nil, err
	}
	power := piecePower(st.Size())
	levels := power - blockPower
	var pieces, blocks [][]byte
	reader, block := bufio.NewReaderSize(in, 1<<20), make([]byte, 1<<blockPower)
	for {
		n, err := io.ReadFull(reader, block)
		if n > 0 {
			sum := sha256.Sum256(block[:n])
			blocks = append(blocks, sum[:])
		}
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return nil, err
		}
		if len(blocks) == 1<<levels || end && len(blocks) > 0 {
			pieces = append(pieces, merkleRoot(blocks, levels, make([]byte, sha256.Size)))
			blocks = nil
		}
		if end {
			break
		}
	}
	padding := merkleRoot(nil, levels, make([]byte, sha256.Size))
	root := padding
	var layers []byte
	if len(pieces) > 0 {
		if len(pieces) > 1 {
			for _, piece := range pieces {
				layers = append(layers, piece...)
			}
		}
		root = merkleRoot(pieces, bits.Len(uint(len(pieces)-1)), padding)
	}
	return map[string]any{
		"bittorrent_pieces_root":   base64.StdEncoding.EncodeToString(root),
		"bittorrent_pieces_layers": base64.StdEncoding.EncodeToString(layers),
		"bittorrent_piece_length":  1 << power,
	}, nil
}

// merkleRoot is the hash of hashes of hashes, so many levels high; what is missing at the bottom is padding.
func merkleRoot(nodes [][]byte, levels int, padding []byte) []byte {
	for ; levels > 0; levels-- {
		var above [][]byte
		for i := 0; i < len(nodes); i += 2 {
			second := padding
			if i+1 < len(nodes) {
				second = nodes[i+1]
			}
			sum := sha256.Sum256(append(append([]byte(nil), nodes[i]...), second...))
			above = append(above, sum[:])
		}
		sum := sha256.Sum256(append(append([]byte(nil), padding...), padding...))
		nodes, padding = above, sum[:]
	}
	if len(nodes) == 0 {
		return padding
	}
	return nodes[0]
}
