package transfer

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// aria2c is the program, of the package aria2.
const aria2c = "aria2c"

// ariaLine is what no PFN and no path may have, lest it be read as something else in aria2c's input.
const ariaLine = "\n\r\t\x00"

// runAria fetches files with one aria2c, which gets all that is to be known in files of a folder that nobody else may read.
func (d *download) runAria(ctx context.Context, files []*wanted) ([]Item, error) {
	program, err := exec.LookPath(aria2c)
	if err != nil {
		return nil, refuse(d.method, rucio.ErrRucioException, "aria2c is not in PATH: install the package aria2, or use download_dids, which needs no program")
	}
	template, err := d.template(ctx)
	if err != nil {
		return nil, err
	}
	d.tracer = d.m.tracer(ctx, d.c, traceRequests)
	defer d.tracer.close()
	traces := map[*wanted]map[string]any{}
	var queue []*wanted
	for _, f := range files {
		d.m.setup.Progress.Plan(1, max(f.size(), 0))
		d.m.setup.Progress.Start(f.did.String(), f.size())
		traces[f] = maps.Clone(template)
		if d.ariaWanted(ctx, f, traces[f]) {
			queue = append(queue, f)
		}
	}
	if len(queue) > 0 {
		if err := d.aria(ctx, program, queue, traces); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		d.m.setup.Progress.End(f.did.String(), f.err)
	}
	return d.outcome(ctx, files)
}

// ariaWanted tells whether a file is to be fetched; what is there, or nowhere, is told of.
func (d *download) ariaWanted(ctx context.Context, f *wanted, trace map[string]any) bool {
	d.begin(f, trace)
	delete(trace, "stateReason")
	trace["protocol"], trace["remoteSite"] = "https", ""
	trace["transferStart"], trace["transferEnd"] = now(), now()
	if f.err != nil {
		return false
	}
	there, err := d.isThere(ctx, f)
	var odd error
	for _, text := range append(sourcePFNs(f), f.temp()) {
		if strings.ContainsAny(text, ariaLine) {
			odd = fmt.Errorf("aria2c cannot be told of %q", storage.Public(text))
		}
	}
	switch {
	case err != nil:
		f.fail(stateFailed, err)
	case there:
		f.state = stateAlreadyDone
	case len(f.sources) == 0:
		f.fail(stateNotFound, fmt.Errorf("no replica to download from over https%s", phrase(": ", f.reason)))
	case odd != nil:
		f.fail(stateFailed, odd)
	default:
		return true
	}
	trace["clientState"] = f.state
	d.send(trace)
	return false
}

func sourcePFNs(f *wanted) []string {
	pfns := make([]string, len(f.sources))
	for i, s := range f.sources {
		pfns[i] = s.pfn
		if rest, ok := strings.CutPrefix(s.pfn, "davs:"); ok {
			pfns[i] = "https:" + rest
		}
	}
	return pfns
}

// aria runs the program, and looks what it has brought.
func (d *download) aria(ctx context.Context, program string, files []*wanted, traces map[*wanted]map[string]any) error {
	folder, err := os.MkdirTemp("", "rucio-aria2c-*")
	if err != nil {
		return fmt.Errorf("%s: make a folder for what aria2c is to know: %w", d.method, err)
	}
	defer os.RemoveAll(folder)
	cmd, err := d.ariaCommand(ctx, program, folder, files)
	if err != nil {
		return fmt.Errorf("%s: write what aria2c is to know: %w", d.method, err)
	}
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &words, &words
	d.log.InfoContext(ctx, "running aria2c", "files", len(files))
	start := now()
	running := cmd.Run()
	var exit *exec.ExitError
	if running != nil && !errors.As(running, &exit) && ctx.Err() == nil {
		return refuse(d.method, rucio.ErrRucioException, "aria2c could not be run: %v", running)
	}
	for _, f := range files {
		d.ariaResult(ctx, f, words.String())
		trace := traces[f]
		trace["transferStart"], trace["transferEnd"], trace["clientState"] = start, now(), f.state
		if len(f.sources) == 1 { // of several it does not say which ones it used
			trace["remoteSite"] = f.sources[0].rse
		}
		if f.state == stateFailed {
			trace["clientState"] = stateAttempt
		}
		d.send(trace)
	}
	return nil
}

// ariaCommand writes aria2c's input: the mirrors of each file, and where it is to come to.
func (d *download) ariaCommand(ctx context.Context, program, folder string, files []*wanted) (*exec.Cmd, error) {
	var input strings.Builder
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.temp()), folderMode); err != nil { //nolint:gosec // within the umask
			return nil, here(err)
		}
		_ = os.Remove(f.temp() + noteSuffix) // what our own download has left is not what aria2c makes of it
		fmt.Fprintf(&input, "%s\n dir=%s\n out=%s\n", strings.Join(sourcePFNs(f), "\t"), filepath.Dir(f.temp()), filepath.Base(f.temp()))
	}
	list := filepath.Join(folder, "input")
	if err := os.WriteFile(list, []byte(input.String()), 0o600); err != nil {
		return nil, err
	}
	args := []string{
		"--no-conf=true", "--input-file=" + list, "--quiet=false", "--console-log-level=error", "--summary-interval=0", "--download-result=hide",
		"--allow-overwrite=true", "--auto-file-renaming=false", "--follow-torrent=false", "--follow-metalink=false", "--file-allocation=none",
		"--connect-timeout=15", "--max-tries=2", "--split=" + strconv.Itoa(fileStreams), "--max-connection-per-server=" + strconv.Itoa(fileStreams),
		"--min-split-size=16M", "--max-concurrent-downloads=" + strconv.Itoa(d.threads), "--stop-with-process=" + strconv.Itoa(os.Getpid()),
	}
	options, err := d.m.options()
	if err != nil {
		return nil, err
	}
	identity, err := ariaIdentity(options, folder)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, append(args, identity...)...) //nolint:gosec // file names and numbers
	cmd.Env = options.Env                                                  // nil is our own
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }  // it notes how far it has come
	cmd.WaitDelay = cleanUpTime
	return cmd, nil
}

// ariaIdentity hands a certificate and the CAs to aria2c in files.
func ariaIdentity(options storage.Options, folder string) ([]string, error) {
	var args []string
	if options.TLS != nil {
		certificate, err := clientCertificate(options.TLS)
		if err != nil {
			return nil, err
		}
		if certificate != nil {
			path := filepath.Join(folder, "identity.pem")
			if err := writeCertificate(path, certificate); err != nil {
				return nil, err
			}
			args = append(args, "--certificate="+path, "--private-key="+path)
		}
	}
	authorities, err := authoritiesOf(options)
	if err == nil && len(authorities) > 0 {
		path := filepath.Join(folder, "ca.pem")
		err = os.WriteFile(path, authorities, 0o600)
		args = append(args, "--ca-certificate="+path)
	}
	return args, err
}

func clientCertificate(config *tls.Config) (*tls.Certificate, error) {
	if len(config.Certificates) > 0 {
		return &config.Certificates[0], nil
	}
	if config.GetClientCertificate == nil {
		return nil, nil
	}
	certificate, err := config.GetClientCertificate(&tls.CertificateRequestInfo{
		SignatureSchemes: []tls.SignatureScheme{tls.PSSWithSHA256, tls.PKCS1WithSHA256, tls.ECDSAWithP256AndSHA256, tls.Ed25519},
		Version:          tls.VersionTLS12,
	})
	if err != nil || certificate == nil || len(certificate.Certificate) == 0 {
		return nil, err
	}
	return certificate, nil
}

func writeCertificate(path string, certificate *tls.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return fmt.Errorf("the key of the certificate: %w", err)
	}
	var text bytes.Buffer
	for _, der := range certificate.Certificate {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
	return os.WriteFile(path, text.Bytes(), 0o600)
}

// authoritiesOf reads the CAs that storages are trusted by; none is those of the system.
func authoritiesOf(options storage.Options) ([]byte, error) {
	if options.CAFile != "" {
		return os.ReadFile(options.CAFile)
	}
	if options.CADir == "" {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(options.CADir, "*.[0-9]"))
	slices.Sort(paths)
	var all []byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(append(all, text...), '\n')
	}
	return all, err
}

// ariaResult verifies what aria2c has brought of a file, and gives it its names.
func (d *download) ariaResult(ctx context.Context, f *wanted, words string) {
	temp := f.temp()
	_, unfinished := os.Stat(temp + ".aria2")
	st, err := os.Stat(temp)
	switch {
	case ctx.Err() != nil && (err != nil || unfinished == nil):
		f.fail(stateFailed, fmt.Errorf("aria2c was stopped: %w", context.Cause(ctx)))
		return
	case err != nil || unfinished == nil:
		f.fail(stateFailed, fmt.Errorf("aria2c did not bring it%s", phrase(": ", ariaReason(words, sourcePFNs(f)))))
		return
	}
	if algorithm, want := f.checksum(); !f.options.ignoreChecksum && algorithm != "" {
		sum, err := fileChecksum(ctx, temp, algorithm) // which the size is a part of
		if err == nil && sum != want {
			_ = os.Remove(temp)
			err = &corruptError{fmt.Sprintf("checksum validation failed: %s is %s, Rucio has %s", algorithm, sum, want)}
		}
		if err != nil {
			f.fail(stateInvalid, err)
			return
		}
	}
	if err := settle(temp, f.dests); err != nil {
		f.fail(stateFailed, err)
		return
	}
	f.state = stateDone
	d.moved(f, st.Size())
}

// ariaReason finds what aria2c has said of one of some URLs, without what may be a signature.
func ariaReason(words string, urls []string) string {
	reason := ""
	for line := range strings.Lines(words) {
		if !strings.Contains(line, "[ERROR]") && !strings.Contains(line, "errorCode=") {
			continue
		}
		for _, url := range urls {
			if strings.Contains(line, url) {
				reason = strings.TrimSpace(strings.ReplaceAll(line, url, storage.Public(url)))
			}
		}
	}
	return reason
}
