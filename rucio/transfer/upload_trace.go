package transfer

import (
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// beginTrace makes the trace of a file, with the fields of Python's client.
func (u *upload) beginTrace(f *uploadFile) {
	f.trace = map[string]any{
		"uuid": u.uuid, "hostname": u.m.location().FQDN, "account": u.account, "eventType": "upload", "eventVersion": eventVersion,
		"scope": f.did.Scope, "datasetScope": f.datasetScope, "dataset": f.datasetName, "remoteSite": f.result.RSE,
		"filesize": f.result.Bytes,
	}
	if vo := u.c.VO(); vo != rucio.DefaultVO { // Python's client sends null else, which servers log as no VO
		f.trace["vo"] = vo
	}
}

// traceAttempt says by what protocol the file is sent now.
func (f *uploadFile) traceAttempt(protocol string) {
	f.trace["protocol"], f.trace["transferStart"] = protocol, seconds(time.Now())
}

// endTrace tells what happened, and sends the trace if something was sent, or was to be.
func (u *upload) endTrace(f *uploadFile, there bool) {
	switch {
	case f.result.State == UploadFailed:
		f.trace["clientState"], f.trace["stateReason"] = "FAILED", f.result.Reason
		if f.result.Attempts == 0 {
			return
		}
	case there:
		f.trace["stateReason"] = "File already exists"
		return
	default:
		f.trace["transferEnd"], f.trace["clientState"] = seconds(time.Now()), "DONE"
	}
	u.traces.add(f.trace)
}
