package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

const (
	// fileStreams is how many streams bring one large file.
	fileStreams = 4
	// manyStreams is the size from which on a file comes in several streams.
	manyStreams = 64 << 20
	// A segment is between these sizes: large enough that asking for it costs little, small enough that all streams of a
	// file end at nearly the same time.
	leastSegment, mostSegment = 16 << 20, 64 << 20
	// mostSegments bounds the note of a huge file.
	mostSegments = 1024
	// bufferSize is that of the pieces in which bytes move.
	bufferSize = 256 << 10
)

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// bytes brings what is missing of a file from a source, and verifies it. When bytes of an earlier attempt turn out to be
// wrong, all of them are fetched once more.
func (d *download) bytes(ctx context.Context, f *wanted, p *part, door storage.Backend, from source) error {
	if p.size < 0 {
		info, err := door.Stat(ctx, from.pfn)
		switch {
		case err == nil && !info.Folder:
			p.size = info.Size
		case storage.Is(err, storage.NotFound), ctx.Err() != nil:
			return err
		}
	}
	for {
		d.lay(f, p, door, from)
		older := p.older
		err := d.streamsOf(ctx, f, p, door, from)
		if err == nil {
			err = p.verify()
		}
		if storage.Is(err, storage.Unsupported) && !p.whole && (older || len(p.segments) > 1) {
			d.log.DebugContext(ctx, "a storage gives whole files only", "did", f.did.String(), "error", err)
			d.moved(f, -p.reset())
			p.whole = true
			continue
		}
		var corrupt *corruptError
		if err == nil || !errors.As(err, &corrupt) {
			p.older = p.present() > 0
			return err
		}
		d.moved(f, -p.reset())
		if f.bytes == nil {
			p.size = -1
		}
		if !older {
			return storage.Fail("get", from.pfn, storage.Corrupt, err)
		}
		d.log.WarnContext(ctx, "what an earlier attempt had brought is of no use", "did", f.did.String(), "error", err)
	}
}

// lay divides a file into segments, unless it is.
func (d *download) lay(f *wanted, p *part, door storage.Backend, from source) {
	ranges := door.Features().Ranges && !p.whole
	if !ranges && p.present() > 0 {
		d.moved(f, -p.reset()) // from the beginning, or not at all
	}
	for _, s := range p.segments {
		s.taken = s.length > 0 && s.complete() && (s.hash != nil && s.hashed == s.done || p.sum == "")
	}
	if p.segments != nil {
		return
	}
	several := ranges && p.size >= manyStreams && p.algorithm != "md5" && storage.Scheme(from.pfn) != "file"
	if !several {
		p.segments = []*segment{{length: p.size}}
		return
	}
	length := max(min(p.size/fileStreams, mostSegment), leastSegment, p.size/mostSegments)
	for start := int64(0); start < p.size; start += length {
		p.segments = append(p.segments, &segment{start: start, length: min(length, p.size-start)})
	}
}

// streamsOf brings all segments, several at a time. The first error ends all.
func (d *download) streamsOf(ctx context.Context, f *wanted, p *part, door storage.Backend, from source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var streams sync.WaitGroup
	var once sync.Once
	var first error
	for range min(fileStreams, len(p.segments)) {
		streams.Go(func() {
			for {
				select {
				case d.streams <- struct{}{}:
				case <-ctx.Done():
					once.Do(func() { first = context.Cause(ctx) })
					return
				}
				s := p.take()
				if s == nil {
					<-d.streams
					return
				}
				err := d.segment(ctx, f, p, s, door, from)
				<-d.streams
				if err != nil {
					once.Do(func() { first = err })
					cancel(err)
					return
				}
			}
		})
	}
	streams.Wait()
	return first
}

// segment brings what is missing of one segment.
func (d *download) segment(ctx context.Context, f *wanted, p *part, s *segment, door storage.Backend, from source) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if err := d.rehash(ctx, f, p, s, *buffer); err != nil {
		return err
	}
	if s.complete() && s.length > 0 {
		return nil
	}
	length := s.length - s.done
	last := s.length < 0 || s.start+s.length == p.size
	if last {
		length = -1 // to the end, lest a longer file be taken for the right one
	}
	in, err := door.Get(ctx, from.pfn, s.start+s.done, length)
	if err != nil {
		return err
	}
	defer in.Close()
	out := &segmentWriter{d, f, p, s}
	if to, ok := in.(io.WriterTo); ok {
		_, err = to.WriteTo(out)
	} else {
		_, err = io.CopyBuffer(struct{ io.Writer }{out}, in, *buffer)
	}
	if err == nil && s.length >= 0 && s.done < s.length {
		return &corruptError{fmt.Sprintf("it ends after %d bytes, %d were expected", s.start+s.done, p.size)}
	}
	return err
}

// segmentWriter writes what comes of a segment to its place.
type segmentWriter struct {
	d *download
	f *wanted
	p *part
	s *segment
}

func (w *segmentWriter) Write(b []byte) (int, error) {
	s := w.s
	if s.length >= 0 && s.done+int64(len(b)) > s.length {
		return 0, &corruptError{fmt.Sprintf("it has more than the %d bytes that were expected", w.p.size)}
	}
	for written := 0; written < len(b); {
		piece := b[written:min(len(b), written+bufferSize)] // while it is in the processor's cache
		if _, err := w.p.file.WriteAt(piece, s.start+s.done); err != nil {
			return written, here(fmt.Errorf("write to the temporary file: %w", err))
		}
		if s.hash != nil {
			s.hash.Write(piece)
			s.hashed += int64(len(piece))
		}
		written += len(piece)
		w.p.wrote(s, int64(len(piece)))
		w.d.moved(w.f, int64(len(piece)))
	}
	return len(b), nil
}

// rehash brings the hash of a segment up to what is on disk of it.
func (d *download) rehash(ctx context.Context, f *wanted, p *part, s *segment, buffer []byte) error {
	if s.hash == nil {
		s.hash, s.hashed = p.newHash(), 0
	}
	if !s.told {
		s.told = true
		d.moved(f, s.done) // it need not come any more
	}
	if s.hash == nil || s.hashed == s.done {
		return nil
	}
	in := io.NewSectionReader(p.file, s.start+s.hashed, s.done-s.hashed)
	n, err := io.CopyBuffer(struct{ io.Writer }{s.hash}, readerUntil{ctx, in}, buffer)
	s.hashed += n
	if err == nil && s.hashed < s.done {
		err = io.ErrUnexpectedEOF
	}
	return here(err)
}

// readerUntil ends with a context.
type readerUntil struct {
	ctx context.Context
	in  io.Reader
}

func (r readerUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}

// moved tells of bytes that are there, or are of no use.
func (d *download) moved(f *wanted, n int64) {
	if n != 0 {
		d.m.setup.Progress.Moved(f.did.String(), n)
	}
}
