package transfer

import (
	"context"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// DownloadPFNsOptions refine DownloadPFNs and DownloadFromMetalinkFile.
type DownloadPFNsOptions struct {
	NumThreads                       int               `py:"num_threads=2"`                             // files at a time
	TraceCustomFields                map[string]any    `py:"trace_custom_fields=None"`                  // added to each trace
	TracesCopyOut                    *[]map[string]any `py:"traces_copy_out=None"`                      // each trace that is sent is added to this list
	DeactivateFileDownloadExceptions bool              `py:"deactivate_file_download_exceptions=False"` // failures are in the result only
}

// DownloadPFNs fetches files by their PFNs; the result tells of each.
//
//rucio:method DownloadClient.download_pfns - -
//rucio:param items files, each a map with pfn, did, rse and any of base_dir, no_subdir, adler32, md5 ...
func DownloadPFNs(_ context.Context, _ *rucio.Client, items []Item, o *DownloadPFNsOptions) ([]Item, error) {
	_ = o
	return nil, notYet("download_pfns")
}

// DownloadDIDsOptions refine DownloadDIDs.
type DownloadDIDsOptions struct {
	NumThreads                       int               `py:"num_threads=2"`                             // files at a time
	TraceCustomFields                map[string]any    `py:"trace_custom_fields=None"`                  // added to each trace
	TracesCopyOut                    *[]map[string]any `py:"traces_copy_out=None"`                      // each trace that is sent is added to this list
	DeactivateFileDownloadExceptions bool              `py:"deactivate_file_download_exceptions=False"` // failures are in the result only
	Sort                             string            `py:"sort=None"`                                 // of replicas: geoip, custom_table or random
}

// DownloadDIDs fetches files, datasets and containers; the result tells of each file.
//
//rucio:method DownloadClient.download_dids - -
//rucio:param items what to fetch, each a map with did or filters and any of rse, base_dir, nrandom, force_scheme ...
func DownloadDIDs(_ context.Context, _ *rucio.Client, items []Item, o *DownloadDIDsOptions) ([]Item, error) {
	_ = o
	return nil, notYet("download_dids")
}

// DownloadFromMetalinkFile fetches the files that a metalink names; the result tells of each.
//
//rucio:method DownloadClient.download_from_metalink_file - -
//rucio:param item a map with any of base_dir, no_subdir, force_scheme ...
//rucio:param metalink_file_path the metalink, XML
func DownloadFromMetalinkFile(_ context.Context, _ *rucio.Client, item Item, metalinkFilePath string, o *DownloadPFNsOptions) ([]Item, error) {
	_ = o
	return nil, notYet("download_from_metalink_file")
}

// DownloadAria2cOptions refine DownloadAria2c.
type DownloadAria2cOptions struct {
	TraceCustomFields                map[string]any `py:"trace_custom_fields=None"`                  // added to each trace
	Filters                          map[string]any `py:"filters=None"`                              // of the DIDs to fetch
	DeactivateFileDownloadExceptions bool           `py:"deactivate_file_download_exceptions=False"` // failures are in the result only
	Sort                             string         `py:"sort=None"`                                 // of replicas: geoip, custom_table or random
}

// DownloadAria2c fetches DIDs with the program aria2c; the result tells of each file.
//
//rucio:method DownloadClient.download_aria2c - -
//rucio:param items what to fetch, each a map as for download_dids
func DownloadAria2c(_ context.Context, _ *rucio.Client, items []Item, o *DownloadAria2cOptions) ([]Item, error) {
	_ = o
	return nil, notYet("download_aria2c")
}
