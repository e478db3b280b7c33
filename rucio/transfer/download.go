package transfer

import (
	"context"
	"maps"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// DownloadPFNsOptions refine DownloadPFNs and DownloadFromMetalinkFile.
type DownloadPFNsOptions struct {
	NumThreads                       int               `py:"num_threads=2"`                             // files at a time; when absent what the client is set up for
	TraceCustomFields                map[string]any    `py:"trace_custom_fields=None"`                  // added to each trace
	TracesCopyOut                    *[]map[string]any `py:"traces_copy_out=None"`                      // each trace that is sent is added to this list
	DeactivateFileDownloadExceptions bool              `py:"deactivate_file_download_exceptions=False"` // failures are in the result only
}

// DownloadPFNs fetches files by their PFNs. The result tells of each as that of DownloadDIDs does, and errors are the same.
// Items without adler32 and md5 are not verified.
//
//rucio:method DownloadClient.download_pfns - -
//rucio:param items files, each a map with pfn, did, rse and any of base_dir, no_subdir, adler32, md5, bytes, transfer_timeout, check_local_with_filesize_only
func DownloadPFNs(ctx context.Context, c *rucio.Client, items []Item, o *DownloadPFNsOptions) ([]Item, error) {
	if o == nil {
		o = &DownloadPFNsOptions{}
	}
	d, done := newDownload("download_pfns", c, o.common())
	defer done()
	orders, err := readOrders(d.method, items)
	if err != nil {
		return nil, err
	}
	files, err := d.byPFN(orders)
	if err != nil {
		return nil, err
	}
	return d.run(ctx, each(files))
}

// DownloadDIDsOptions refine DownloadDIDs.
type DownloadDIDsOptions struct {
	NumThreads                       int               `py:"num_threads=2"`                             // files at a time; when absent what the client is set up for
	TraceCustomFields                map[string]any    `py:"trace_custom_fields=None"`                  // added to each trace
	TracesCopyOut                    *[]map[string]any `py:"traces_copy_out=None"`                      // each trace that is sent is added to this list
	DeactivateFileDownloadExceptions bool              `py:"deactivate_file_download_exceptions=False"` // failures are in the result only
	Sort                             string            `py:"sort=None"`                                 // of replicas: geoip, custom_table or random
}

// DownloadDIDs fetches files, datasets and containers. A file goes to base_dir/scope/name, a file of a dataset or container to
// base_dir/collection/name, with no_subdir to base_dir/name; a file that is there already, with the right checksum, is left.
//
// The result tells of each file by Python's keys: did, scope, name, bytes, adler32, md5, sources (rse, pfn, domain, priority,
// client_extract), dest_file_paths, temp_file_path, input_dids, parent_dids, dataset_scope, dataset_name, merged_options,
// attemptnr and clientState: DONE, ALREADY_DONE, FILE_NOT_FOUND (no replica) or FAILED; of these two stateReason says why. Files
// that come out of an archive are the archive_items of the archive's entry.
//
// When not all files were fetched the error is a *DownloadError, unless that is deactivated; it carries the result too. Its
// class is NoFilesDownloaded or NotAllFilesDownloaded. Items that make no sense are an InputValidationError, and nothing
// is fetched. Files come while the server still tells of others; when it breaks off, or two files turn out to go to one place, those
// that came stay, the others are not begun, and the error, a *DownloadError too if there are any, is of the class of its reason.
//
//rucio:method DownloadClient.download_dids - -
//rucio:param items what to fetch, each a map with did (one or a list, wildcards too) or filters and any of rse, base_dir, no_subdir, nrandom, force_scheme, impl, ignore_checksum, transfer_timeout, transfer_speed_timeout, check_local_with_filesize_only, no_resolve_archives
func DownloadDIDs(ctx context.Context, c *rucio.Client, items []Item, o *DownloadDIDsOptions) ([]Item, error) {
	if o == nil {
		o = &DownloadDIDsOptions{}
	}
	d, done := newDownload("download_dids", c, commonOptions{
		o.NumThreads, o.TraceCustomFields, o.TracesCopyOut, o.DeactivateFileDownloadExceptions,
	})
	defer done()
	files, err := d.byDID(ctx, items, o.Sort)
	if err != nil {
		return nil, err
	}
	return d.run(ctx, files)
}

// DownloadFromMetalinkFile fetches the files that a metalink names. The result tells of each as that of DownloadDIDs does, and
// errors are the same.
//
//rucio:method DownloadClient.download_from_metalink_file - -
//rucio:param item a map with any of base_dir, no_subdir, ignore_checksum, transfer_timeout, check_local_with_filesize_only
//rucio:param metalink_file_path the metalink, XML as list_replicas gives it
func DownloadFromMetalinkFile(ctx context.Context, c *rucio.Client, item Item, metalinkFilePath string, o *DownloadPFNsOptions) ([]Item, error) {
	if o == nil {
		o = &DownloadPFNsOptions{}
	}
	d, done := newDownload("download_from_metalink_file", c, o.common())
	defer done()
	orders, err := readOrders(d.method, []Item{item})
	if err != nil {
		return nil, err
	}
	files, err := d.byMetalink(metalinkFilePath, orders[0])
	if err != nil {
		return nil, err
	}
	return d.run(ctx, each(files))
}

// DownloadAria2cOptions refine DownloadAria2c.
type DownloadAria2cOptions struct {
	TraceCustomFields                map[string]any `py:"trace_custom_fields=None"`                  // added to each trace
	Filters                          map[string]any `py:"filters=None"`                              // of the DIDs to fetch
	DeactivateFileDownloadExceptions bool           `py:"deactivate_file_download_exceptions=False"` // failures are in the result only
	Sort                             string         `py:"sort=None"`                                 // of replicas: geoip, custom_table or random
}

// DownloadAria2c fetches DIDs with the program aria2c, from the replicas that are to be had over https or davs: from all of
// a file's at the same time. It shows the certificate that the client is set up with, and no tokens: aria2c would show them to
// every server. The result tells of each file as that of DownloadDIDs does, and errors are the same. Without the program it
// fails at once and names the package to install.
//
//rucio:method DownloadClient.download_aria2c - -
//rucio:param items what to fetch, each a map as for download_dids
func DownloadAria2c(ctx context.Context, c *rucio.Client, items []Item, o *DownloadAria2cOptions) ([]Item, error) {
	if o == nil {
		o = &DownloadAria2cOptions{}
	}
	d, done := newDownload("download_aria2c", c, commonOptions{custom: o.TraceCustomFields, quiet: o.DeactivateFileDownloadExceptions})
	defer done()
	narrowed := make([]Item, len(items))
	for i, item := range items {
		narrowed[i] = maps.Clone(item)
		maps.Copy(narrowed[i], Item{"force_scheme": []string{"https", "davs"}, "no_resolve_archives": true})
		if o.Filters != nil && item["filters"] == nil {
			narrowed[i]["filters"] = o.Filters
		}
	}
	files, err := d.byDID(ctx, narrowed, o.Sort)
	if err != nil {
		return nil, err
	}
	all, err := collect(files)
	if err != nil {
		return nil, err
	}
	return d.runAria(ctx, all)
}

// commonOptions are those that all downloads have.
type commonOptions struct {
	threads int
	custom  map[string]any
	traces  *[]map[string]any
	quiet   bool // failures are in the result only
}

func (o *DownloadPFNsOptions) common() commonOptions {
	return commonOptions{o.NumThreads, o.TraceCustomFields, o.TracesCopyOut, o.DeactivateFileDownloadExceptions}
}
