package report

import (
	"fmt"
	"time"
)

// Bytes prints a number of bytes with three digits or so, in powers of 1000: "712 B", "1.53 GB". A negative number is unknown.
func Bytes(n int64) string {
	if n < 0 {
		return "?"
	}
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 999.5 && unit < len(byteUnits)-1 {
		value /= 1000
		unit++
	}
	digits := 0
	if value < 99.95 {
		digits = 1
	}
	if value < 9.995 {
		digits = 2
	}
	return fmt.Sprintf("%.*f %s", digits, value, byteUnits[unit])
}

var byteUnits = []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}

// Rate prints how fast bytes moved: "118 MB/s"; "-" when they took no time.
func Rate(bytes int64, took time.Duration) string {
	if took <= 0 || bytes < 0 {
		return "-"
	}
	return Bytes(int64(float64(bytes)/took.Seconds())) + "/s"
}
