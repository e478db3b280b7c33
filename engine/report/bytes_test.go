package report

import (
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "?", 0: "0 B", 999: "999 B", 1000: "1.00 kB", 1499: "1.50 kB", 9994: "9.99 kB", 9996: "10.0 kB", 99960: "100 kB",
		999499: "999 kB", 999500: "1.00 MB", 2 << 30: "2.15 GB", 1 << 62: "4.61 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
	if got := Rate(3e9, 2*time.Second); got != "1.50 GB/s" {
		t.Error(got)
	}
	if got := Rate(1, 0) + Rate(-1, time.Second); got != "--" {
		t.Error(got)
	}
}
