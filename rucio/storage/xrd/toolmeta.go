package xrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fields reads "Size:   5" and its like.
var fields = regexp.MustCompile(`(?m)^(Size|MTime|Flags): +(.*)$`)

const toolTime = "2006-01-02 15:04:05"

// Stat is Client.Stat by xrdfs.
func (t *Tool) Stat(ctx context.Context, raw string) (Info, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return Info{}, err
	}
	out, err := t.run(ctx, u, "stat", u.Path)
	if err != nil {
		return Info{}, err
	}
	info := Info{Size: -1}
	for _, m := range fields.FindAllStringSubmatch(out, -1) {
		switch m[1] {
		case "Size":
			info.Size, err = strconv.ParseInt(m[2], 10, 64)
		case "MTime":
			info.ModTime, err = time.Parse(toolTime, m[2])
		case "Flags":
			info.Folder, info.Offline = strings.Contains(m[2], "IsDir"), strings.Contains(m[2], "Offline")
		}
		if err != nil {
			return Info{}, malformed("%s %s of xrdfs stat", m[1], m[2])
		}
	}
	if info.Size < 0 {
		return Info{}, malformed("%q of xrdfs stat", out)
	}
	if info.Folder {
		info.Size = 0
	}
	return info, nil
}

// Checksum is Client.Checksum by xrdfs.
func (t *Tool) Checksum(ctx context.Context, raw, algorithm string) (string, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return "", err
	}
	name, opaque := u.split()
	choice := "?cks.type=" + algorithm
	if opaque != "" {
		choice = opaque + "&" + choice[1:]
	}
	out, err := t.run(ctx, u, "query", "checksum", name+choice)
	if hasCode(err, codeServerError) && strings.Contains(err.Error(), "not supported") {
		return "", fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return "", err
	}
	return parseChecksum(out, algorithm)
}

// Move is Client.Move by xrdfs.
func (t *Tool) Move(ctx context.Context, from, to string) error {
	u, err := ParseURL(from)
	if err != nil {
		return err
	}
	v, err := ParseURL(to)
	if err != nil {
		return err
	}
	_, err = t.run(ctx, u, "mv", u.Path, v.Path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, statErr := t.Stat(ctx, from); statErr != nil {
		return err
	}
	target, opaque := v.split()
	v.Path = path.Dir(target) + opaque
	if err := t.Mkdir(ctx, v.String()); err != nil {
		return fmt.Errorf("make the target's folder: %w", err)
	}
	_, err = t.run(ctx, u, "mv", u.Path, target+opaque)
	return err
}

// Mkdir is Client.Mkdir by xrdfs.
func (t *Tool) Mkdir(ctx context.Context, raw string) error {
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	if _, err = t.run(ctx, u, "mkdir", "-p", u.Path); errors.Is(err, fs.ErrExist) {
		if info, statErr := t.Stat(ctx, raw); statErr == nil && info.Folder {
			return nil
		}
	}
	return err
}

// Remove is Client.Remove by xrdfs.
func (t *Tool) Remove(ctx context.Context, raw string) error {
	info, err := t.Stat(ctx, raw)
	if err != nil {
		return err
	}
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	how := "rm"
	if info.Folder {
		how = "rmdir"
	}
	_, err = t.run(ctx, u, how, u.Path)
	return err
}

// entry is a line of xrdfs ls -l: mode, owner and group where the server tells them, size, time, path.
var entry = regexp.MustCompile(`^([d-])\S* +(?:\S+ +\S+ +)?(\d+) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (/.*)$`)

// List is Client.List by xrdfs.
func (t *Tool) List(ctx context.Context, raw string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		u, err := ParseURL(raw)
		if err != nil {
			yield(Info{}, err)
			return
		}
		out, err := t.run(ctx, u, "ls", "-l", u.Path)
		if err != nil {
			yield(Info{}, err)
			return
		}
		for line := range strings.Lines(out) {
			if folder, _ := u.split(); strings.HasSuffix(strings.TrimRight(line, "\n"), " "+folder) { // that is how it lists a file
				yield(Info{}, &Error{Host: u.addr(), Code: codeNotFile, Message: folder + " is no folder"})
				return
			}
			info, err := parseEntry(strings.TrimRight(line, "\n"))
			if !yield(info, err) {
				return
			}
		}
	}
}

func parseEntry(line string) (Info, error) {
	m := entry.FindStringSubmatch(line)
	if m == nil {
		return Info{}, malformed("%q of xrdfs ls", line)
	}
	size, err1 := strconv.ParseInt(m[2], 10, 64)
	mtime, err2 := time.Parse(toolTime, m[3])
	if err := errors.Join(err1, err2); err != nil {
		return Info{}, malformed("%q of xrdfs ls", line)
	}
	info := Info{Name: path.Base(m[4]), Size: size, Folder: m[1] == "d", ModTime: mtime}
	if info.Folder {
		info.Size = 0
	}
	return info, nil
}

// Space is Client.Space by xrdfs.
func (t *Tool) Space(ctx context.Context, raw string) (Space, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return Space{}, err
	}
	out, err := t.run(ctx, u, "query", "space", u.Path)
	if err != nil {
		return Space{}, err
	}
	return parseSpace(out)
}
