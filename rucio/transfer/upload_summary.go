package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// finish makes the results, the list of traces and the summary.
func (u *upload) finish(ctx context.Context) ([]Uploaded, error) {
	results := make([]Uploaded, len(u.files))
	for i, f := range u.files {
		results[i] = f.result
		if f.trace != nil && u.o.TracesCopyOut != nil {
			*u.o.TracesCopyOut = append(*u.o.TracesCopyOut, f.trace)
		}
	}
	err := outcome(ctx, results)
	if u.o.SummaryFilePath != "" {
		if failed := writeSummary(u.o.SummaryFilePath, results); failed != nil && err == nil {
			err = refuse("upload", rucio.ErrRucioException, "all files are uploaded, but the summary is not written: %v", failed)
		}
	}
	return results, err
}

// writeSummary writes what is there, by DID, in the format of Python's client. The file is there at once or not at all.
func writeSummary(path string, results []Uploaded) error {
	type entry struct {
		Adler32 string `json:"adler32,omitempty"`
		Bytes   int64  `json:"bytes"`
		GUID    string `json:"guid"`
		MD5     string `json:"md5,omitempty"`
		Name    string `json:"name"`
		PFN     string `json:"pfn"`
		RSE     string `json:"rse"`
		Scope   string `json:"scope"`
	}
	summary := map[string]entry{}
	for _, r := range results {
		if r.State == UploadDone || r.State == UploadAlready {
			summary[r.DID.String()] = entry{r.Adler32, r.Bytes, r.GUID, r.MD5, r.DID.Name, r.PFN, r.RSE, r.DID.Scope}
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(summary); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // in vain when it has its name
	_, err = temp.Write(bytes.TrimRight(text.Bytes(), "\n"))
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	return err
}
