//go:build !unix

package transfer

import (
	"errors"
	"os"
)

const noFollow = 0

// lock fails: without locks each download has a temporary file of its own.
func lock(*os.File) error { return errors.ErrUnsupported }
