package cli

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// buildInfo is what `version` tells.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a changed work tree
	Built    string `json:"committed,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:   "version",
		Usage:  "tell what this is",
		Flags:  []cli.Flag{outputFlag("`FORMAT` of the answer", "text", "json")},
		Before: noWords,
		Action: func(c *cli.Context) error { return p.version(c.String("output")) },
	}
}

func (p *program) version(format string) error {
	info := p.buildInfo()
	if format == "json" {
		return json.NewEncoder(p.Stdout).Encode(info)
	}
	_, err := fmt.Fprintf(p.Stdout, "%s %s (%s, %s)\n", programName, info.Version, info.Go, info.Platform)
	return err
}

// buildInfo reads what the Go tool wrote into the binary; the version that the build set wins.
func (p *program) buildInfo() buildInfo {
	info := buildInfo{Version: p.Version}
	build, ok := p.BuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	if info.Version == "" {
		info.Version = build.Main.Version
	}
	if info.Version == "" {
		info.Version = "unknown"
	}
	info.Go = build.GoVersion
	settings := map[string]string{}
	for _, s := range build.Settings {
		settings[s.Key] = s.Value
	}
	info.Revision, info.Built = settings["vcs.revision"], settings["vcs.time"]
	info.Modified = settings["vcs.modified"] == "true"
	info.Platform = settings["GOOS"] + "/" + settings["GOARCH"]
	return info
}
