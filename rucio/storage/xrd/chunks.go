package xrd

import "sync"

// chunks are the pieces of memory that all readers of a client share, so that many of them stay as small as one.
type chunks struct {
	mu      sync.Mutex
	readers int
	spare   [][]byte
}

const (
	// sharedWindow is how many requests all readers of a client have under way together, once there are several.
	sharedWindow = 12
	// leastWindow is how many each has at least: one comes while the other is worked on.
	leastWindow = 2
)

// join and leave tell of a reader.
func (c *chunks) join() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readers++
}

func (c *chunks) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readers--
}

// window is how many requests one reader may have under way now.
func (c *chunks) window() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(leastWindow, min(window, sharedWindow/max(c.readers, 1)))
}

// take returns memory for n bytes, at most a chunk.
func (c *chunks) take(n int64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := len(c.spare) - 1; last >= 0 && n > chunk/2 {
		b := c.spare[last]
		c.spare = c.spare[:last]
		return b[:n]
	}
	if n > chunk/2 {
		return make([]byte, n, chunk)
	}
	return make([]byte, n)
}

// give takes back what nobody writes to any more.
func (c *chunks) give(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cap(b) == chunk && len(c.spare) < sharedWindow {
		c.spare = append(c.spare, b)
	}
}
