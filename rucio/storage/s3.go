package storage

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is the backend for "s3://host:port/bucket/key" PFNs, for those who have an endpoint's keys. Who has not is given
// signed "https://" URLs by Rucio, which are HTTP's business. Keys stand in PFNs as they are, not escaped.
type S3 struct {
	options   Options
	transport *http.Transport

	mu      sync.Mutex
	clients map[string]*minio.Client // by endpoint
}

// NewS3 returns a backend for S3; options.S3 has the keys.
func NewS3(options Options) (*S3, error) {
	options = options.withDefaults()
	if options.S3 == nil {
		return nil, Fail("open", "s3://", Denied, errors.New("no S3 keys are known: rse-accounts.cfg has those of each endpoint"))
	}
	return &S3{options: options, transport: newTransport(options), clients: map[string]*minio.Client{}}, nil
}

var _ Backend = (*S3)(nil)

// maxSingle is the largest object that S3 stores in one request. Larger ones come in parts, and lose their md5.
const maxSingle = 5 << 30

// Features implements Backend. There is no renaming: it copies the object.
func (*S3) Features() Features { return Features{Ranges: true, Checksums: []string{"md5"}} }

// Close implements Backend.
func (b *S3) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

// object is what a PFN names: a key in a bucket of an endpoint.
type object struct {
	*minio.Client
	bucket, key string
}

// at returns the object of a PFN, with a client for its endpoint.
func (b *S3) at(pfn string) (object, error) {
	_, rest, ok := strings.Cut(pfn, "://")
	endpoint, path, _ := strings.Cut(rest, "/")
	bucket, key, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	if !ok || endpoint == "" || bucket == "" {
		return object{}, fmt.Errorf("an S3 PFN is s3://host:port/bucket/key: %w", fs.ErrInvalid)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	client := b.clients[endpoint]
	if client == nil {
		keys, err := b.options.S3(endpoint)
		if err != nil {
			return object{}, fmt.Errorf("find the keys of %s: %w", endpoint, err)
		}
		region := keys.Region
		if region == "" {
			region = "us-east-1" // or the server would be asked
		}
		client, err = minio.New(endpoint, &minio.Options{
			Creds:  credentials.NewStaticV4(keys.Access, keys.Secret.Reveal(), ""),
			Secure: !keys.Plain, Region: region, Transport: b.transport, MaxRetries: 1,
		})
		if err != nil {
			return object{}, err
		}
		b.clients[endpoint] = client
	}
	return object{client, bucket, strings.TrimRight(key, "/")}, nil
}

// s3Error gives an error of minio-go its kind.
func s3Error(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var answer minio.ErrorResponse
	switch {
	case !errors.As(err, &answer) || answer.StatusCode == 0:
		return connectionError(err)
	case strings.Contains(answer.Code, "Quota"):
		return ofKind(NoSpace, err)
	}
	cause := fmt.Errorf("the server answers %d %s: %w", answer.StatusCode, answer.Code, err)
	if strings.HasPrefix(answer.Code, "XAdmin") { // versitygw: nobody has this access key
		return ofKind(Denied, cause)
	}
	return ofKind(kindOfStatus(answer.StatusCode, answer.Code), cause)
}

// Put implements Backend. S3 shows an object only when it has all of it; what is undone is one that was stored without an
// answer that says so.
func (b *S3) Put(ctx context.Context, pfn string, src Source, options PutOptions) (err error) {
	defer func() { err = Fail("put", pfn, Other, err) }()
	o, err := b.at(pfn)
	if err != nil {
		return err
	}
	settings := minio.PutObjectOptions{ContentType: "application/octet-stream"}
	if !options.Overwrite {
		if _, err := o.StatObject(ctx, o.bucket, o.key, minio.StatObjectOptions{}); err == nil {
			return fs.ErrExist
		} else if err := s3Error(ctx, err); !Is(err, NotFound) {
			return err
		}
		settings.SetMatchETagExcept("*")
	}
	began, err := b.upload(ctx, o, src, options, settings)
	if err != nil && began && !options.Overwrite {
		return b.undo(ctx, o, pfn, err)
	}
	return err
}

// upload sends the bytes; began tells whether the server may have stored some of them, of which it has told nothing. What fits into
// one request goes with its md5, for the server to verify: some store what they have got when a connection breaks (versitygw 1.8).
// Parts of what does not fit become an object only once all are there.
func (b *S3) upload(ctx context.Context, o object, src Source, options PutOptions, settings minio.PutObjectOptions) (began bool, err error) {
	if src.Size() <= maxSingle && options.Checksums["md5"] == "" {
		sum, err := md5Of(ctx, src, options)
		if err != nil {
			return false, err
		}
		options.Checksums = map[string]string{"md5": sum, "adler32": options.Checksums["adler32"]}
	}
	in, err := openSource(ctx, src, options)
	if err != nil {
		return false, err
	}
	defer in.Close()
	var sent atomic.Bool
	ctx = traced(ctx, &sent)
	if src.Size() > maxSingle {
		_, err = o.PutObject(ctx, o.bucket, o.key, in, src.Size(), settings)
	} else {
		var raw []byte
		if raw, err = hex.DecodeString(options.Checksums["md5"]); err != nil {
			return false, ofKind(Other, fmt.Errorf("the announced md5 %q is none", options.Checksums["md5"]))
		}
		core, sum := minio.Core{Client: o.Client}, base64.StdEncoding.EncodeToString(raw)
		_, err = core.PutObject(ctx, o.bucket, o.key, in, src.Size(), sum, "", settings)
	}
	if failed := in.failure(); failed != nil {
		return sent.Load(), failed
	}
	var answer minio.ErrorResponse
	return sent.Load() && !errors.As(err, &answer), s3Error(ctx, err)
}

// md5Of reads a source whose md5 is not known.
func md5Of(ctx context.Context, src Source, options PutOptions) (string, error) {
	in, err := openSource(ctx, src, options)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := md5.New()
	if err := pour(h, in, 0); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// undo removes what a Put that failed with cause may have left, and reports cause.
func (b *S3) undo(ctx context.Context, o object, pfn string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	_ = o.RemoveIncompleteUpload(ctx, o.bucket, o.key) // parts, which nobody sees, and which few servers list
	if err := o.RemoveObject(ctx, o.bucket, o.key, minio.RemoveObjectOptions{}); err != nil {
		b.options.Log.DebugContext(ctx, "a failed upload may have left something", "pfn", Public(pfn), "error", err)
		return HalfPut(pfn, cause)
	}
	return cause
}

// md5OfETag returns the md5 that an ETag is, if it is one: that of an object stored in parts is not.
func md5OfETag(etag string) string {
	etag = strings.ToLower(strings.Trim(etag, `"`))
	if len(etag) != 32 || strings.Trim(etag, "0123456789abcdef") != "" {
		return ""
	}
	return etag
}

// Get implements Backend.
func (b *S3) Get(ctx context.Context, pfn string, offset, length int64) (_ io.ReadCloser, err error) {
	defer func() { err = Fail("get", pfn, Other, err) }()
	o, err := b.at(pfn)
	if err != nil {
		return nil, err
	}
	var settings minio.GetObjectOptions
	if offset > 0 || length >= 0 {
		last := int64(0) // to the end
		if length > 0 {
			last = offset + length - 1
		}
		if last == 0 && offset == 0 {
			settings.Set("Range", "bytes=0-0")
		} else if err := settings.SetRange(offset, last); err != nil {
			return nil, err
		}
	}
	body, _, _, err := minio.Core{Client: o.Client}.GetObject(ctx, o.bucket, o.key, settings)
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return io.NopCloser(strings.NewReader("")), nil // beyond the end, or the object is empty
	}
	if err != nil {
		return nil, s3Error(ctx, err)
	}
	var part io.Reader = body
	if length >= 0 {
		part = io.LimitReader(body, length)
	}
	return &reader{ctx: ctx, op: "get", pfn: pfn, Reader: broken{part}, Closer: body}, nil
}

// Stat implements Backend; a folder is what keys begin with.
func (b *S3) Stat(ctx context.Context, pfn string) (_ Info, err error) {
	defer func() { err = Fail("stat", pfn, Other, err) }()
	o, err := b.at(pfn)
	if err != nil {
		return Info{}, err
	}
	if o.key != "" {
		found, err := o.StatObject(ctx, o.bucket, o.key, minio.StatObjectOptions{})
		if err == nil {
			return Info{PFN: pfn, Size: found.Size, ModTime: found.LastModified}, nil
		}
		if err := s3Error(ctx, err); !Is(err, NotFound) {
			return Info{}, err
		}
	}
	for _, err := range b.List(ctx, pfn) {
		return Info{PFN: pfn, Folder: true}, err
	}
	return Info{}, fs.ErrNotExist
}

// Checksum implements Backend: the ETag of an object that was stored in one piece is its md5.
func (b *S3) Checksum(ctx context.Context, pfn, algorithm string) (_ string, err error) {
	defer func() { err = Fail("checksum", pfn, Other, err) }()
	if algorithm != "md5" {
		return "", fmt.Errorf("S3 knows no %s: %w", algorithm, errors.ErrUnsupported)
	}
	o, err := b.at(pfn)
	if err != nil {
		return "", err
	}
	found, err := o.StatObject(ctx, o.bucket, o.key, minio.StatObjectOptions{})
	if err != nil {
		return "", s3Error(ctx, err)
	}
	if sum := md5OfETag(found.ETag); sum != "" {
		return sum, nil
	}
	return "", fmt.Errorf("the object was stored in parts, and has no md5: %w", errors.ErrUnsupported)
}

// Rename implements Backend: the server copies the object and deletes the first one.
func (b *S3) Rename(ctx context.Context, from, to string) (err error) {
	defer func() { err = Fail("rename", from, Other, err) }()
	source, err := b.at(from)
	if err != nil {
		return err
	}
	target, err := b.at(to)
	if err != nil {
		return err
	}
	if source.Client != target.Client {
		return fmt.Errorf("%s is on another server: %w", Public(to), errors.ErrUnsupported)
	}
	if _, err := b.Stat(ctx, to); err == nil {
		return fmt.Errorf("%s: %w", Public(to), fs.ErrExist)
	} else if !Is(err, NotFound) {
		return err
	}
	_, err = source.ComposeObject(ctx, minio.CopyDestOptions{Bucket: target.bucket, Object: target.key},
		minio.CopySrcOptions{Bucket: source.bucket, Object: source.key})
	if err == nil {
		err = source.RemoveObject(ctx, source.bucket, source.key, minio.RemoveObjectOptions{})
	}
	return s3Error(ctx, err)
}

// Mkdir implements Backend: there is nothing to do.
func (b *S3) Mkdir(_ context.Context, pfn string) error {
	_, err := b.at(pfn)
	return Fail("mkdir", pfn, Other, err)
}

// Delete implements Backend. The server is asked for the object first, as it would not say that there was none.
func (b *S3) Delete(ctx context.Context, pfn string) (err error) {
	defer func() { err = Fail("delete", pfn, Other, err) }()
	o, err := b.at(pfn)
	if err != nil {
		return err
	}
	info, err := b.Stat(ctx, pfn)
	if err != nil {
		return err
	}
	if info.Folder {
		return errNotEmpty
	}
	return s3Error(ctx, o.RemoveObject(ctx, o.bucket, o.key, minio.RemoveObjectOptions{}))
}

// List implements Backend. A folder that nothing is in is not there, and yields nothing.
func (b *S3) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		o, err := b.at(pfn)
		if err != nil {
			yield(Info{}, Fail("list", pfn, Other, err))
			return
		}
		prefix := o.key + "/"
		if o.key == "" {
			prefix = ""
		}
		for found := range o.ListObjectsIter(ctx, o.bucket, minio.ListObjectsOptions{Prefix: prefix}) {
			if found.Err != nil {
				yield(Info{}, Fail("list", pfn, Other, s3Error(ctx, found.Err)))
				return
			}
			name := strings.TrimPrefix(found.Key, prefix)
			info := Info{PFN: Join(pfn, strings.TrimSuffix(name, "/")), Folder: strings.HasSuffix(name, "/")}
			if !info.Folder {
				info.Size, info.ModTime = found.Size, found.LastModified
			}
			if name != "" && !yield(info, nil) { // some servers keep the folder itself as an empty object
				return
			}
		}
	}
}

// Space implements Backend: S3 has no answer to that.
func (*S3) Space(_ context.Context, pfn string) (Space, error) {
	return Space{}, Fail("space", pfn, Unsupported, fmt.Errorf("S3 tells no room: %w", errors.ErrUnsupported))
}
