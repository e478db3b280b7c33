package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options says where to read the configuration from. The package asks the process for nothing else.
type Options struct {
	// Env is the environment.
	Env map[string]string
	// File is the rucio.cfg to read, and it must be there; it goes before $RUCIO_CONFIG. Empty: looked for as Python does.
	File string
	// Overrides are options given for this run, which win over everything: "account" or "client.account" -> "root";
	// another section needs its name.
	Overrides map[string]string
	// OverrideOrigin says where Overrides come from, for messages; "command line" when empty.
	OverrideOrigin string
	// AuthTypes are the values that auth_type may have; any when nil.
	AuthTypes []string
	// Suggest makes the "did you mean" of a message from a wrong name and the right ones; nil: no suggestions.
	Suggest func(word string, candidates []string) string
	// ReadFile reads rucio.cfg and secrets given by file; os.ReadFile when nil.
	ReadFile func(path string) ([]byte, error)
}

// Load reads rucio.cfg and the environment. No rucio.cfg at all is no error: the environment may say everything.
// Wrong lines and unreadable files are; each is an *Error, joined when there are several.
func Load(opts Options) (*Config, error) {
	if opts.ReadFile == nil {
		opts.ReadFile = os.ReadFile
	}
	if opts.Suggest == nil {
		opts.Suggest = func(string, []string) string { return "" }
	}
	l := &loader{opts: opts, cfg: &Config{opts: opts, sections: map[string]bool{}, expand: expander(opts.Env)}}
	l.readFile()
	l.overrides()
	l.containerVariables()
	l.otherVariables()
	l.cfg.layers = []map[key]entry{l.override, l.env, l.old, l.client, l.file, l.late, defaults()}
	l.cfg.file, l.cfg.variables = l.file, []map[key]entry{l.env, l.old}
	l.warnAboutNames()
	if origin, off := l.cfg.insecure(); off {
		l.cfg.warnings = append(l.cfg.warnings, origin+": ca_cert is off, so that certificates are not verified: anybody on the way can read the password")
	}
	if err := errors.Join(l.problems...); err != nil {
		return nil, err
	}
	return l.cfg, nil
}

// loader fills one map of entries for each place that a setting can come from.
type loader struct {
	opts     Options
	cfg      *Config
	problems []error

	override, env, old, client, file, late map[key]entry
}

// defaults are the settings of Python's client for what nobody sets.
func defaults() map[key]entry {
	layer := map[key]entry{}
	for option, text := range map[string]string{
		"vo":                           "def",
		"request_retries":              "3",
		"oidc_scope":                   "openid profile",
		"auth_oidc_refresh_active":     "False",
		"auth_oidc_refresh_before_exp": "20",
	} {
		layer[key{"client", option}] = entry{text: text, origin: "default", literal: true}
	}
	return layer
}

// readFile finds and parses rucio.cfg.
func (l *loader) readFile() {
	paths, origin := l.paths()
	for _, path := range paths {
		text, err := l.opts.ReadFile(path)
		if origin == "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			l.fail(&Error{Origin: origin, Problem: fmt.Sprintf("cannot read %s: %v", path, cause(err)), Err: err})
			break
		}
		l.cfg.path = path
		doc, err := parse(path, text)
		if err != nil {
			l.problems = append(l.problems, err)
		}
		l.file = doc.values
		for section := range doc.sections {
			l.cfg.sections[section] = true
		}
		break
	}
	l.cfg.looked = paths
}

// paths lists where rucio.cfg may be, in order. With an origin there is one path, and the file must be there.
func (l *loader) paths() (paths []string, origin string) {
	if l.opts.File != "" {
		return []string{l.opts.File}, l.overrideOrigin()
	}
	if path := l.opts.Env["RUCIO_CONFIG"]; path != "" {
		return []string{path}, "RUCIO_CONFIG"
	}
	for _, variable := range []string{"RUCIO_HOME", "VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := l.opts.Env[variable]; dir != "" {
			paths = append(paths, filepath.Join(dir, "etc", "rucio.cfg"))
		}
	}
	// The last is the template of the Rucio maintainers' images, from which their start-up script makes the one before.
	return append(paths, "/opt/rucio/etc/rucio.cfg", "/opt/user/rucio.default.cfg"), ""
}

func (l *loader) overrideOrigin() string {
	if l.opts.OverrideOrigin == "" {
		return "command line"
	}
	return l.opts.OverrideOrigin
}

func (l *loader) overrides() {
	l.override = map[key]entry{}
	for name, text := range l.opts.Overrides {
		section, option, found := strings.Cut(name, ".")
		if !found {
			section, option = "client", name
		}
		if text != "" {
			l.override[key{section, strings.ToLower(option)}] = entry{text: text, origin: l.overrideOrigin(), literal: true}
		}
	}
}

// containerVariables reads RUCIO_CFG_*, in both generations of names.
func (l *loader) containerVariables() {
	l.env, l.old = map[key]entry{}, map[key]entry{}
	for _, name := range sortedNames(l.opts.Env) {
		text := l.opts.Env[name]
		short, found := strings.CutPrefix(name, prefix)
		if !found || text == "" {
			continue
		}
		e := entry{text: text, origin: name, literal: !wellFormed(text)}
		k, old, ok := optionOf(short)
		if k2, old2, isFile := secretFile(short); isFile {
			k, old, ok = k2, old2, true
			e, isFile = l.fromFile(name, text)
			if !isFile {
				continue
			}
		}
		if !ok {
			l.cfg.warnings = append(l.cfg.warnings, fmt.Sprintf("%s names no option: write %s<SECTION>_<OPTION>", name, prefix))
			continue
		}
		layer := l.env
		if old {
			layer = l.old
		}
		l.put(layer, k, e)
		l.cfg.sections[k.section] = true
	}
	for _, k := range sortedKeys(l.old) {
		if e, both := l.env[k]; both && e.text != l.old[k].text {
			l.cfg.warnings = append(l.cfg.warnings, fmt.Sprintf("%s is ignored, as %s is set too", l.old[k].origin, e.origin))
		}
	}
}

// secretFile returns the option of a variable like CLIENT_PASSWORD_FILE; the suffix means something for secrets only.
func secretFile(short string) (k key, old, ok bool) {
	base, found := strings.CutSuffix(short, fileSuffix)
	if !found {
		return key{}, false, false
	}
	k, old, ok = optionOf(base)
	return k, old, ok && isSecret(k.option)
}

// otherVariables reads the variables outside RUCIO_CFG_*.
func (l *loader) otherVariables() {
	l.client, l.late = map[key]entry{}, map[key]entry{}
	for _, name := range sortedNames(l.opts.Env) {
		text := l.opts.Env[name]
		if text == "" {
			continue
		}
		if option, known := clientVariables[name]; known {
			l.put(l.client, key{"client", option}, entry{text: text, origin: name, literal: true})
		}
		option := clientVariables[strings.TrimSuffix(name, fileSuffix)]
		if strings.HasSuffix(name, fileSuffix) && isSecret(option) {
			if e, ok := l.fromFile(name, text); ok {
				l.put(l.client, key{"client", option}, e)
			}
		}
	}
	for _, v := range lateVariables {
		k := key{"client", v.option}
		if _, taken := l.late[k]; !taken && l.opts.Env[v.name] != "" {
			l.late[k] = entry{text: l.opts.Env[v.name], origin: v.name, literal: true}
		}
	}
}

// put adds an entry to a layer. Two variables of one layer for one option are a mistake that nobody should have to find
// by trying: a secret and its file, both set.
func (l *loader) put(layer map[key]entry, k key, e entry) {
	if other, twice := layer[k]; twice {
		l.fail(&Error{Origin: e.origin, Option: k.option, Problem: "is set by " + other.origin + " as well", Advice: "unset one of the two"})
	}
	layer[k] = e
}

// fromFile reads a secret that is given by file. One line end at the end is not a part of it: editors and
// "kubectl create secret --from-file" leave one.
func (l *loader) fromFile(variable, path string) (entry, bool) {
	text, err := l.opts.ReadFile(path)
	if err != nil {
		l.fail(&Error{Origin: variable, Problem: fmt.Sprintf("cannot read %s: %v", path, cause(err)), Err: err,
			Advice: "the variable must name a file that holds the secret"})
		return entry{}, false
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" {
		l.fail(&Error{Origin: variable, Problem: path + " is empty"})
		return entry{}, false
	}
	return entry{text: secret, origin: variable, literal: true}, true
}

func (l *loader) fail(err *Error) { l.problems = append(l.problems, err) }

// warnAboutNames finds options of [client] that nobody reads and that look like one that is read.
func (l *loader) warnAboutNames() {
	known := clientOptions()
	for _, layer := range l.cfg.layers {
		for _, k := range sortedKeys(layer) {
			if k.section != "client" || slices.Contains(known, k.option) {
				continue
			}
			if hint := l.opts.Suggest(k.option, known); hint != "" {
				l.cfg.warnings = append(l.cfg.warnings, fmt.Sprintf("%s: no option %q in [client]; %s", layer[k].origin, k.option, hint))
			}
		}
	}
}

// cause returns what went wrong with a file without the path, which the message has already.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
