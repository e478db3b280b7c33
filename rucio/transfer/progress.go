package transfer

// Progress is told how transfers go on. Its methods are called from several goroutines at once and must not block for long.
// name is the same in all calls for one file: its DID.
type Progress interface {
	// Plan adds to what is to be moved, or takes away from it where less turns out to be there than was foreseen; bytes is 0 where a
	// size is not known yet.
	Plan(files int, bytes int64)
	// Start says that a file of so many bytes begins to move; -1 is an unknown size.
	Start(name string, bytes int64)
	// Moved says that n more bytes have moved; n is negative where an attempt begins anew.
	Moved(name string, n int64)
	// End says that a file is done with, moved or not; one that was there already has moved no bytes.
	End(name string, err error)
}

type noProgress struct{}

func (noProgress) Plan(int, int64)     {}
func (noProgress) Start(string, int64) {}
func (noProgress) Moved(string, int64) {}
func (noProgress) End(string, error)   {}
