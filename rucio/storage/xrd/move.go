package xrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// hearsay is the pause between two questions whether a manager has heard from its servers.
const hearsay = 2 * time.Millisecond

// Move renames a file, making missing parent folders; both URLs are of one server. Some servers replace a target that is
// there, others refuse, and so does a cluster, where it may be on another server than the source.
func (c *Client) Move(ctx context.Context, from, to string) error {
	u, err := ParseURL(from)
	if err != nil {
		return err
	}
	v, err := ParseURL(to)
	if err != nil {
		return err
	}
	if u.Host != v.Host || u.Port != v.Port {
		return fmt.Errorf("a move from %s to %s: %w", u.addr(), v.addr(), errors.ErrUnsupported)
	}
	manager, err := c.isManager(ctx, c.endpoint(u))
	if err != nil {
		return err
	}
	if !manager {
		return c.move(ctx, u, v)
	}
	if _, err := c.Stat(ctx, to); err == nil {
		return fmt.Errorf("%s: %w", v.without(v.Path), fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.move(ctx, u, v); err != nil {
		return err
	}
	if err := c.settled(ctx, to); err != nil {
		return fmt.Errorf("the cluster's manager does not find the new name: %w", err)
	}
	return nil
}

// settled waits until the manager of a cluster has heard of a new name from its server: until then it says what it knew before.
// Servers (5.5) don't get names with spaces across, which the manager finds by itself much later.
func (c *Client) settled(ctx context.Context, raw string) error {
	for end := time.Now().Add(lockPatience); ; {
		_, err := c.Stat(ctx, raw)
		if !errors.Is(err, fs.ErrNotExist) || time.Now().After(end) {
			return err
		}
		if err := pause(ctx, hearsay); err != nil {
			return err
		}
	}
}

// isManager tells whether a server is the manager of a cluster, who has no files of its own.
func (c *Client) isManager(ctx context.Context, at endpoint) (bool, error) {
	cn, err := c.take(ctx, at)
	if err != nil {
		return false, err
	}
	flags := cn.flags
	c.give(at, cn)
	return flags&flagManager != 0, nil
}

func (c *Client) move(ctx context.Context, u, v URL) error {
	rq := &request{code: reqMv, paths: []string{u.Path, v.Path}}
	source, _ := u.split()
	be.PutUint16(rq.params[14:], uint16(len(u.Path))) //nolint:gosec // paths are shorter than that
	_, err := c.simple(ctx, c.endpoint(u), rq)
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != codeNotFound {
		return err
	}
	// Source or parent is missing. In a cluster the parent has to be on the server of the source, which is the one that refused.
	at, parseErr := ParseURL("root://" + refused.Host)
	if parseErr != nil {
		return err
	}
	at.TLS, at.User, at.Path = u.TLS, u.User, source
	if _, statErr := c.simple(ctx, c.endpoint(at), &request{code: reqStat, paths: []string{u.Path}}); statErr != nil {
		return err
	}
	target, opaque := v.split()
	at.Path = path.Dir(target) + opaque
	if err := c.Mkdir(ctx, at.String()); err != nil {
		return fmt.Errorf("make the target's folder: %w", err)
	}
	_, err = c.simple(ctx, c.endpoint(at), rq)
	return err
}
