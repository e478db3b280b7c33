package voms

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Server is a VOMS server: a line of a vomses file.
type Server struct {
	Alias string
	Host  string
	Port  int
	DN    string // of its certificate, once; the host's name is what is verified
	VO    string
	At    string // where it is written: file:line
}

// Address is the server's host:port.
func (s Server) Address() string { return s.Host + ":" + strconv.Itoa(s.Port) }

// Places lists the vomses files, or folders of such files, in which the grid's tools look: the user's own, unless
// VOMS_USERCONF names another, then the system's. env is the environment, home the user's folder, which may be empty.
func Places(env map[string]string, home string) (places []string) {
	switch {
	case env["VOMS_USERCONF"] != "":
		places = append(places, env["VOMS_USERCONF"])
	case home != "":
		places = append(places, filepath.Join(home, ".voms", "vomses"), filepath.Join(home, ".glite", "vomses"))
	}
	return append(places, "/etc/vomses")
}

// UnknownVOError tells that no vomses file has a server of a VO.
type UnknownVOError struct {
	VO     string
	Places []string // where it was looked for
	Known  []string // the VOs that have servers
	Wrong  []error  // what could not be understood on the way
}

// Error implements error.
func (e *UnknownVOError) Error() string {
	text := fmt.Sprintf("no server of the VO %q is known (looked in %s)", e.VO, strings.Join(e.Places, ", "))
	for _, err := range e.Wrong {
		text += "; " + err.Error()
	}
	return text
}

// Unwrap returns what could not be understood.
func (e *UnknownVOError) Unwrap() []error { return e.Wrong }

// Find returns the servers of a VO, given by its name or by an alias, in the order of places. The error is an
// *UnknownVOError. A line that is wrong matters only when there is no server but for it.
func Find(places []string, vo string) ([]Server, error) {
	missing := &UnknownVOError{VO: vo, Places: places}
	var byName, byAlias []Server
	for _, place := range places {
		servers, err := read(place)
		if err != nil {
			missing.Wrong = append(missing.Wrong, err)
		}
		for _, s := range servers {
			missing.Known = append(missing.Known, s.VO)
			switch {
			case s.VO == vo:
				byName = append(byName, s)
			case s.Alias == vo:
				byAlias = append(byAlias, s)
			}
		}
	}
	if found := append(byName, byAlias...); len(found) > 0 {
		return found, nil
	}
	slices.Sort(missing.Known)
	missing.Known = slices.Compact(missing.Known)
	return nil, missing
}

// read reads a vomses file, or all files of a folder. One that is not there holds nothing.
func read(path string) ([]Server, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		files = nil
		for _, entry := range entries {
			if name := entry.Name(); name[0] != '.' && !strings.HasSuffix(name, "~") {
				files = append(files, filepath.Join(path, name))
			}
		}
	}
	var servers []Server
	var wrong []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		found, errs := parseVomses(file, string(text))
		servers, wrong = append(servers, found...), append(wrong, err, errs)
	}
	return servers, errors.Join(wrong...)
}

// parseVomses reads the lines of a vomses file: "alias" "host" "port" "/DN/of/its/certificate" "vo"; older ones have the
// version of a library after it.
func parseVomses(file, text string) (servers []Server, wrong error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := fmt.Sprintf("%s:%d", file, number)
		fields, err := split(line)
		if err == nil && (len(fields) < 5 || len(fields) > 6) {
			err = fmt.Errorf(`%d fields, not the 5 of "alias" "host" "port" "DN" "vo"`, len(fields))
		}
		port := 0
		if err == nil {
			if port, err = strconv.Atoi(fields[2]); err != nil || port < 1 || port > 65535 {
				err = fmt.Errorf("%q is not a port", fields[2])
			}
		}
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", at, err))
			continue
		}
		servers = append(servers, Server{Alias: fields[0], Host: fields[1], Port: port, DN: fields[3], VO: cmp.Or(fields[4], fields[0]), At: at})
	}
	return servers, wrong
}

// split takes a line apart into words, or texts in quotes.
func split(line string) (fields []string, err error) {
	for line != "" {
		var field string
		found := true
		if line[0] == '"' {
			field, line, found = strings.Cut(line[1:], `"`)
		} else {
			end := strings.IndexAny(line+" ", " \t")
			field, line = line[:end], line[end:]
		}
		if !found {
			return nil, errors.New("a quote is not closed")
		}
		fields = append(fields, field)
		line = strings.TrimLeft(line, " \t")
	}
	return fields, nil
}
