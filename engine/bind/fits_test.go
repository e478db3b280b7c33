package bind

import (
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func TestFITS(t *testing.T) {
	b := newLab(t)
	path := b.value(t, `fits.random({3, 10, 20}, {name = "cube.fits", header = {TELESCOP = "SKA", EXPTIME = 1.5, GOOD = true, NOTE = "it's"}})`)
	data, err := os.ReadFile(path.String())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path.String(), "/cube.fits") || len(data) != 2880+2880+5760 { // 4800 bytes of numbers
		t.Errorf("%s has %d bytes", path, len(data))
	}
	for at, card := range map[int]string{
		0: "SIMPLE  =                    T / conforms to FITS standard", 1: "BITPIX  =                    8 / array data type",
		2: "NAXIS   =                    0 / number of array dimensions", 3: "EXTEND  =                    T", 4: "END", 5: "",
		36: "XTENSION= 'IMAGE   '           / Image extension", 37: "BITPIX  =                  -64 / array data type",
		38: "NAXIS   =                    3 / number of array dimensions", 39: "NAXIS1  =                   20", 40: "NAXIS2  =                   10",
		41: "NAXIS3  =                    3", 42: "PCOUNT  =                    0 / number of parameters", 43: "GCOUNT  =                    1 / number of groups",
		44: "EXPTIME =                  1.5", 45: "GOOD    =                    T", 46: "NOTE    = 'it''s   '", 47: "TELESCOP= 'SKA     '", 48: "END", 71: "",
	} {
		if got := strings.TrimRight(string(data[80*at:80*at+80]), " "); got != card {
			t.Errorf("card %d is %q, want %q", at, got, card)
		}
	}
	numbers := map[float64]bool{}
	for i := range 600 {
		f := math.Float64frombits(binary.BigEndian.Uint64(data[5760+8*i:]))
		if f < 0 || f >= 1 {
			t.Fatalf("number %d is %g", i, f)
		}
		numbers[f] = true
	}
	if len(numbers) < 590 || strings.Trim(string(data[5760+4800:]), "\x00") != "" {
		t.Errorf("%d different numbers, and %q behind them", len(numbers), data[5760+4800:])
	}
	// sizes as the original's astropy has them
	for values, want := range map[int]int{1: 8640, 100: 8640, 1000: 14400, 10000: 86400, 360: 8640} {
		if got := b.eval(t, `return file.size(fits.random(...))`, lua.LNumber(values)); got != b.eval(t, `return ...`, lua.LNumber(want)) {
			t.Errorf("%d values make %s bytes, want %d", values, got, want)
		}
	}
	b.check(t, []example{
		{`return fits.random(10) ~= fits.random(10)`, `true`},
		{`fits.random(0)`, `error: fits.random: shape must be an integer from 1 on, not 0`},
		{`fits.random(1.5)`, `error: ...shape must be an integer`},
		{`fits.random{}`, `error: fits.random: shape must be a number of values, or a list of lengths, not a table`},
		{`fits.random{1e9, 1e9, 1e9}`, `error: fits.random: the image would be larger than any file`},
		{`fits.random(1, {header = {["TOO LONG A NAME"] = 1}})`, `error: fits.random: "TOO LONG A NAME" is no name of a FITS card: up to 8 letters, digits, - and _`},
		{`fits.random(1, {header = {A = ("x"):rep(69)}})`, `error: ...card A: a text may have 68 characters of ASCII`},
		{`fits.random(1, {header = {A = {}}})`, `error: fits.random: card A must be a string, a number, true or false, not a table`},
		{`fits.random(1, {header = 5})`, `error: fits.random: header must be a table of cards, not 5`},
		{`fits.random(1, {nam = "x"})`, `error: fits.random: unknown option "nam"`},
	})
}

// The pieces in which numbers are read do not matter.
func TestFloatsInPieces(t *testing.T) {
	f := &floats{source: newChaCha8()}
	var all []byte
	for n := 1; len(all) < 4000; n = n%13 + 1 {
		p := make([]byte, n)
		if got, err := f.Read(p); got != n || err != nil {
			t.Fatal(got, err)
		}
		all = append(all, p...)
	}
	for i := 0; i+8 <= len(all); i += 8 {
		if x := math.Float64frombits(binary.BigEndian.Uint64(all[i:])); x < 0 || x >= 1 || x > 0 && x < 1e-15 {
			t.Fatalf("number %d is %g", i/8, x)
		}
	}
}
