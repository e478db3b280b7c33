// Package transfer uploads to and downloads from the storage of a data lake: it chooses RSE, protocol and replica, moves the
// bytes with package storage, and registers and reports what happened as Rucio's Python clients do.
//
// What transfers of one client share (connections to storages, settings of RSEs, how to get in) is a Mover, which the client
// carries: rucio.Options{Transfers: transfer.NewMover(setup)}.
package transfer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// Item is what to upload or to download, by Python's keys: path, rse, did_scope, did_name ...; did, base_dir, rse ...
//
//rucio:kind map
type Item = map[string]any

// refuse is the error of a transfer that this side does not make, with the class that Python raises.
func refuse(method string, class rucio.Exception, format string, args ...any) *rucio.Error {
	return &rucio.Error{Class: string(class), Method: method, Message: fmt.Sprintf(format, args...)}
}

// told puts reasons of failures into one line, not more of them than most.
func told(reasons []string, most int) string {
	text := strings.Join(reasons[:min(len(reasons), most)], "; ")
	if more := len(reasons) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// storageClasses are Rucio's exceptions for what goes wrong at a storage.
var storageClasses = map[storage.Kind]rucio.Exception{
	storage.NotFound:    rucio.ErrSourceNotFound,
	storage.Exists:      rucio.ErrFileReplicaAlreadyExists,
	storage.Denied:      rucio.ErrRSEAccessDenied,
	storage.NoSpace:     rucio.ErrRSEOverQuota,
	storage.Unsupported: rucio.ErrRSEOperationNotSupported,
	storage.Unavailable: rucio.ErrServiceUnavailable,
}

// classOf returns the exception that a failure of one file is: Rucio's own, or that of what the storage said.
func classOf(err error) rucio.Exception {
	var ours *rucio.Error
	if errors.As(err, &ours) {
		return rucio.Exception(ours.Class)
	}
	if class, ok := storageClasses[storage.KindOf(err)]; ok {
		return class
	}
	return rucio.ErrRucioException
}

// ClassOf returns the exception of Rucio that says what went wrong with a file: its own, or that of what the storage said.
func ClassOf(err error) rucio.Exception { return classOf(err) }
