package storage

import (
	"io"
	"sync"
)

const (
	pourPiece  = 256 << 10 // stays in the processor's cache between reading, hashing and writing
	pourPieces = 6         // on their way at once
)

// pieces is memory for those who move bytes.
var pieces = sync.Pool{New: func() any { b := make([]byte, pourPiece); return &b }}

// pour moves all bytes from src to dst, of which there are about size. Of many, the next ones are read while some are written: a
// network and a disk at work at the same time. It returns when nothing reads any more.
func pour(dst io.Writer, src io.Reader, size int64) error {
	if size <= pourPiece {
		piece := pieces.Get().(*[]byte)
		defer pieces.Put(piece)
		_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, *piece)
		return err
	}
	full, done := make(chan poured, pourPieces-2), make(chan struct{}) // one is read, one is written
	var reading sync.WaitGroup
	reading.Go(func() { readPieces(src, full, done) })
	defer reading.Wait()
	defer close(done)
	for p := range full {
		var err error
		if len(*p.piece) > 0 {
			_, err = dst.Write(*p.piece)
		}
		*p.piece = (*p.piece)[:pourPiece]
		pieces.Put(p.piece)
		switch {
		case err != nil:
			return err
		case p.err == io.EOF: //nolint:errorlint // as io.Copy: a cause that ends so is a failure
			return nil
		case p.err != nil:
			return p.err
		}
	}
	return nil // never: readPieces ends with an error
}

type poured struct {
	piece *[]byte
	err   error // after it
}

func readPieces(src io.Reader, full chan<- poured, done <-chan struct{}) {
	for {
		piece := pieces.Get().(*[]byte)
		n, err := 0, error(nil)
		for n < pourPiece && err == nil { // not io.ReadFull, which has a word for the end that broken connections have too
			var more int
			more, err = src.Read((*piece)[n:])
			n += more
		}
		*piece = (*piece)[:n]
		select {
		case full <- poured{piece, err}:
		case <-done:
			return
		}
		if err != nil {
			return
		}
	}
}
