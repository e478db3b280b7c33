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

// What an error says of files that have failed.
const (
	toldFiles  = 10
	toldReason = 500 // bytes
)

// told puts reasons of failures into one line: those of a few files, each of a length that can be read.
func told(reasons []string) string {
	var some []string
	for _, reason := range reasons[:min(len(reasons), toldFiles)] {
		some = append(some, shortened(reason))
	}
	if more := len(reasons) - toldFiles; more > 0 {
		some = append(some, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(some, "; ")
}

// shortened puts a text into one line that can be read.
func shortened(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > toldReason {
		text = strings.ToValidUTF8(text[:toldReason], "") + " ..."
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
