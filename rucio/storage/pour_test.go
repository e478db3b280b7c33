package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func TestPour(t *testing.T) {
	content := make([]byte, 10*pourPiece+17)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	broken := fmt.Errorf("the connection broke: %w", io.ErrUnexpectedEOF)
	full := errors.New("no space left")
	for name, test := range map[string]struct {
		size int
		src  func([]byte) io.Reader
		dst  func(io.Writer) io.Writer
		want error
	}{
		"nothing":      {0, plainReader, nil, nil},
		"small":        {100, plainReader, nil, nil},
		"one piece":    {pourPiece, plainReader, nil, nil},
		"more":         {len(content), plainReader, nil, nil},
		"small reads":  {2*pourPiece + 1, func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) }, nil, nil},
		"end and data": {3 * pourPiece, func(b []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) }, nil, nil},
		"broken": {5*pourPiece + 5, func(b []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken))
		}, nil, broken},
		"bare": {5*pourPiece + 5, func(b []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(b), iotest.ErrReader(io.ErrUnexpectedEOF))
		}, nil, io.ErrUnexpectedEOF},
		"full": {len(content), plainReader, func(w io.Writer) io.Writer { return &fullWriter{w, 3 * pourPiece, full} }, full},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			var dst io.Writer = &got
			if test.dst != nil {
				dst = test.dst(dst)
			}
			err := pour(dst, test.src(content[:test.size]), int64(test.size))
			if !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if !errors.Is(err, full) && !bytes.Equal(got.Bytes(), content[:test.size]) {
				t.Errorf("%d bytes that are not the %d read", got.Len(), test.size)
			}
		})
	}
}

func plainReader(b []byte) io.Reader { return bytes.NewReader(b) }

// fullWriter takes so many bytes.
type fullWriter struct {
	io.Writer
	left int
	err  error
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, w.err
	}
	return w.Writer.Write(p)
}
