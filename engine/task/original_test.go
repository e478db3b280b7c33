package task

import (
	"slices"
	"testing"
)

// The definitions in testdata/original are those of the Python original and its predecessor, unchanged.

func TestOriginalDefinitionsLoad(t *testing.T) {
	set, err := Load(t.Context(), []string{"testdata/original"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	perFile := map[string][]string{}
	disabled := []string{}
	for _, d := range set.Definitions {
		perFile[d.File] = append(perFile[d.File], d.Name)
		if !d.Enabled {
			disabled = append(disabled, d.Name)
		}
		if d.Kwargs["task_name"] != d.Name || d.Module == "" || d.Class == "" || d.Description == "" || d.Args != nil || d.Line == 0 {
			t.Errorf("%s: %+v is incomplete", d.File, d)
		}
	}
	if len(set.Definitions) != 54 || len(perFile) != 39 {
		t.Errorf("%d tasks in %d files, want 54 in 39", len(set.Definitions), len(perFile))
	}
	if want := []string{"test-upload-replication-dev", "test-upload-specific-file"}; !slices.Equal(disabled, want) {
		t.Errorf("disabled tasks %q, want %q", disabled, want)
	}
	file := "testdata/original/escape/skao-dev/tests/archive/sdp-src-simulation.yml"
	if want := []string{"prepare-sdp-src", "test-upload-nondeterministic", "register-nondeterministic"}; !slices.Equal(perFile[file], want) {
		t.Errorf("tasks of %s are %q, want %q", file, perFile[file], want)
	}
	wantProblems(t, set.Problems, `testdata/original/ska/skao-dev/tests/ingestion.yml:8:5: warning: task "test-ingestion": kwargs.task_name: `+
		`is always the task's own name, "test-ingestion" (remove it)`)
}

func TestOriginalValues(t *testing.T) {
	dev := "testdata/original/ska/skao-dev/"
	tests := []struct {
		file, task, path string
		want             any
		line             int
	}{
		{"testdata/original/ska/stubs.yml", "test-hello-world-stub", "kwargs.text", "Hello World!", 8},
		{"testdata/original/ska/stubs.yml", "test-rucio-api-stub", "kwargs.dummy", nil, 17},
		{dev + "sync/sync-iam-to-rucio.yml", "sync-iam-rucio-dev", "kwargs.rse_quota", int64(1000000000000), 24},
		{dev + "sync/sync-iam-to-rucio.yml", "sync-iam-rucio-dev", "kwargs.dry_run", false, 25},
		{dev + "sync/sync-iam-to-rucio.yml", "sync-iam-rucio-dev", "kwargs.client_secret", nil, 10},
		{dev + "sync/sync-iam-to-rucio.yml", "sync-iam-rucio-dev", "kwargs.output.databases", nil, 27},
		{dev + "probes/service-heartbeats.yml", "get-service-heartbeats-dev", "kwargs.services[0].expected_content.version", "1.29.0", 13},
		{dev + "probes/service-heartbeats.yml", "get-service-heartbeats-dev", "kwargs.services[1].expected_content", nil, 17},
		{dev + "probes/daemons.yml", "get-daemon-info-dev", "kwargs.cluster_host", "192.168.50.228", 8},
		{dev + "reports/daily.yml", "reports-dev", "kwargs.slack.channel", "#skao-datalake-robot-test", 40},
		{dev + "tests/upload-tap-query.yml", "test-upload-tap-query", "kwargs.fits_header.SIMPLE", "T", 16},
		{dev + "tests/upload-tap-query.yml", "test-upload-tap-query", "kwargs.rucio_metadata.calib_level", int64(0), 25},
		{dev + "tests/upload-and-replication.yml", "test-upload-dev", "kwargs.sizes[0]", int64(100000), 10},
	}
	for _, tt := range tests {
		t.Run(tt.task+" "+tt.path, func(t *testing.T) {
			set, err := Load(t.Context(), []string{tt.file}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(set.Definitions, func(d *Definition) bool { return d.Name == tt.task })
			if i < 0 {
				t.Fatalf("no task %q", tt.task)
			}
			d := set.Definitions[i]
			if got := at(t, d, tt.path); got != tt.want {
				t.Errorf("%s is %#v, want %#v", tt.path, got, tt.want)
			}
			if got := d.LineOf(tt.path); got != tt.line {
				t.Errorf("line of %s is %d, want %d", tt.path, got, tt.line)
			}
		})
	}
}
