package xrd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"testing"
	"testing/iotest"
	"time"
)

// script is a connection on which a server says what it will say, whatever it is asked.
type script struct {
	net.Conn
	io.Reader
}

func (s script) Read(p []byte) (int, error)       { return s.Reader.Read(p) }
func (s script) Write(p []byte) (int, error)      { return len(p), nil }
func (s script) SetReadDeadline(time.Time) error  { return nil }
func (s script) SetWriteDeadline(time.Time) error { return nil }
func (s script) Close() error                     { return nil }

// said is an answer on the wire.
func said(stream, status uint16, body ...byte) []byte {
	b := be.AppendUint16(be.AppendUint16(nil, stream), status)
	return append(be.AppendUint32(b, uint32(len(body))), body...)
}

// readerOf reads size bytes of a file from a script.
func readerOf(t *testing.T, in io.Reader, size int64) *reader {
	c := New(Options{})
	return &reader{
		file: &file{client: c, cn: newConn(script{Reader: in}, "script:1094", time.Minute)}, ctx: t.Context(), stop: func() bool { return true }, end: size,
	}
}

// Answers may come in pieces, and in another order than they were asked for.
func TestAnswersOutOfTurn(t *testing.T) {
	data := randomBytes(chunk + 10)
	a, b := data[:chunk], data[chunk:] // calls 1 and 2
	refusal := append([]byte{0, 0, 0x0b, 0xc3}, "no such file\x00"...)
	for name, test := range map[string]struct {
		answers [][]byte
		want    []byte
		err     error
	}{
		"in turn":     {[][]byte{said(1, statusOK, a...), said(2, statusOK, b...)}, data, nil},
		"in pieces":   {[][]byte{said(1, statusOKSoFar, a[:99]...), said(1, statusOKSoFar), said(1, statusOK, a[99:]...), said(2, statusOKSoFar, b...), said(2, statusOK)}, data, nil},
		"swapped":     {[][]byte{said(2, statusOK, b...), said(1, statusOK, a...)}, data, nil},
		"interleaved": {[][]byte{said(1, statusOKSoFar, a[:5]...), said(2, statusOKSoFar, b[:3]...), said(1, statusOK, a[5:]...), said(2, statusOK, b[3:]...)}, data, nil},
		"refused":     {[][]byte{said(2, statusError, refusal...), said(1, statusOK, a...)}, a, fs.ErrNotExist},
		"amid":        {[][]byte{said(1, statusOKSoFar, a[:5]...), said(1, statusError, refusal...)}, a[:5], fs.ErrNotExist},
		"less":        {[][]byte{said(1, statusOK, a[:100]...), said(2, statusOK, b...)}, a[:100], io.ErrUnexpectedEOF},
		"more":        {[][]byte{said(1, statusOK, append(a[:chunk:chunk], 1)...)}, nil, ErrProtocol},
		"no more":     {[][]byte{said(1, statusOK, a...)}, a, io.ErrUnexpectedEOF},
		"cut":         {[][]byte{said(1, statusOK, a...)[:500]}, a[:500-headerSize], io.ErrUnexpectedEOF},
		"no file":     {[][]byte{said(1, statusRedirect, append([]byte{0, 0, 4, 70}, "host"...)...)}, nil, errBusy},
	} {
		for how, dress := range map[string]func(io.Reader) io.Reader{"": func(r io.Reader) io.Reader { return r }, " slowly": iotest.HalfReader} {
			t.Run(name+how, func(t *testing.T) {
				r := readerOf(t, dress(bytes.NewReader(bytes.Join(test.answers, nil))), int64(len(data)))
				got, err := io.ReadAll(struct{ io.Reader }{r})
				if !bytes.Equal(got, test.want) {
					t.Errorf("%d bytes, want %d", len(got), len(test.want))
				}
				if !errors.Is(err, test.err) || test.err == nil && err != nil || errors.Is(err, io.EOF) {
					t.Errorf("error %v, want %v", err, test.err)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// FuzzReader gives readers what a server may send.
func FuzzReader(f *testing.F) {
	f.Add(append(said(1, statusOKSoFar, 1, 2, 3), said(1, statusOK, 4)...), uint8(4))
	f.Add(append(said(2, statusOK, 9), said(1, statusOK, make([]byte, 200)...)...), uint8(255))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		r := readerOf(t, bytes.NewReader(data), int64(size))
		got, err := io.ReadAll(struct{ io.Reader }{r})
		if len(got) > int(size) || err == nil && len(got) != int(size) {
			t.Errorf("%d bytes of %d, %v", len(got), size, err)
		}
	})
}
