package bind

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

var fitsModule = module{
	name: "fits",
	doc:  "Files in FITS, the format of astronomical images.",
	functions: []function{
		{
			name: "random", signature: "(shape [, options]) -> path",
			doc: "Makes a temporary FITS file with an image of random numbers between 0 and 1 (float64), of any size in little memory. " +
				"The shape is the number of values, or a list of lengths as numpy has them: the last is NAXIS1. Options: name, as for " +
				"file.random; header, a table of further cards of the image's header.",
			example: `local path = fits.random({ 3, 100, 100 }, { name = "cube-*.fits", header = { TELESCOP = "SKA" } })
print(file.size(path))`,
			call: fitsRandom,
		},
	},
}

// A FITS file is made of blocks of so many bytes; a header's cards have 80 characters.
const (
	fitsBlock = 2880
	fitsCard  = 80
)

func fitsRandom(c *call) int {
	shape := c.shape()
	o := c.options(2)
	path := c.tempPath(o.str("name", "random-*.fits"))
	cards := fitsImageCards(shape)
	more, err := fitsHeader(o)
	c.check(err)
	o.done()
	values := int64(1)
	for _, length := range shape {
		if values > math.MaxInt64/8/length {
			c.raise(errors.New("the image would be larger than any file"))
		}
		values *= length
	}
	out, err := os.Create(path)
	c.check(err)
	w := bufio.NewWriterSize(out, 1<<20)
	for _, header := range [][]string{fitsPrimaryCards(), append(cards, more...)} {
		writeFITSHeader(w, header)
	}
	_, err = io.CopyN(w, stopping{c.context(), &floats{source: newChaCha8()}}, 8*values)
	if err == nil {
		_, err = w.Write(make([]byte, padding(8*values)))
	}
	c.check(errors.Join(err, w.Flush(), out.Close()))
	return c.give(lua.LString(path))
}

// shape reads argument 1: a length, or a list of them.
func (c *call) shape() []int64 {
	if _, ok := c.Get(1).(*lua.LTable); !ok {
		return []int64{c.integer(1, "shape", 1)}
	}
	var shape []int64
	for _, v := range c.list() {
		shape = append(shape, c.toInteger(v, "each length in shape", 1))
	}
	if len(shape) == 0 || len(shape) > 999 {
		c.wrong("shape", "a number of values, or a list of lengths", c.Get(1))
	}
	return shape
}

// floats reads as uniformly distributed numbers in big-endian IEEE 754.
type floats struct {
	source rand.Source
	rest   []byte
}

// Read implements io.Reader.
func (f *floats) Read(p []byte) (n int, err error) {
	n = copy(p, f.rest)
	f.rest = f.rest[n:]
	r := rand.New(f.source) //nolint:gosec // pictures of noise
	for len(p)-n >= 8 {
		binary.BigEndian.PutUint64(p[n:], math.Float64bits(r.Float64()))
		n += 8
	}
	if n < len(p) && len(f.rest) == 0 {
		f.rest = binary.BigEndian.AppendUint64(nil, math.Float64bits(r.Float64()))
		k := copy(p[n:], f.rest)
		f.rest, n = f.rest[k:], n+k
	}
	return n, nil
}

// padding is what is missing to full blocks.
func padding(n int64) int64 { return (fitsBlock - n%fitsBlock) % fitsBlock }

// fitsPrimaryCards are the header of a file whose image is in an extension.
func fitsPrimaryCards() []string {
	return []string{
		fixedCard("SIMPLE", "T", "conforms to FITS standard"), fixedCard("BITPIX", "8", "array data type"),
		fixedCard("NAXIS", "0", "number of array dimensions"), fixedCard("EXTEND", "T", ""),
	}
}

func fitsImageCards(shape []int64) []string {
	cards := []string{
		textCard("XTENSION", "IMAGE", "Image extension"), fixedCard("BITPIX", "-64", "array data type"),
		fixedCard("NAXIS", strconv.Itoa(len(shape)), "number of array dimensions"),
	}
	for i, length := range slices.Backward(shape) {
		cards = append(cards, fixedCard(fmt.Sprintf("NAXIS%d", len(shape)-i), strconv.FormatInt(length, 10), ""))
	}
	return append(cards, fixedCard("PCOUNT", "0", "number of parameters"), fixedCard("GCOUNT", "1", "number of groups"))
}

// fitsKeyword is what a card may be called.
var fitsKeyword = regexp.MustCompile(`^[A-Z0-9_-]{1,8}$`)

// fitsHeader reads option header, sorted by name.
func fitsHeader(o *options) ([]string, error) {
	table, ok := o.get("header").(*lua.LTable)
	if !ok {
		if v := o.get("header"); v != lua.LNil {
			o.call.wrong("header", "a table of cards", v)
		}
		return nil, nil
	}
	Fill(table)
	var cards []string
	for key, v := table.Next(lua.LNil); key != lua.LNil; key, v = table.Next(key) {
		name := strings.ToUpper(key.String())
		if !fitsKeyword.MatchString(name) {
			return nil, fmt.Errorf("%q is no name of a FITS card: up to 8 letters, digits, - and _", key.String())
		}
		switch v := v.(type) {
		case lua.LBool:
			cards = append(cards, fixedCard(name, map[bool]string{true: "T", false: "F"}[bool(v)], ""))
		case lua.LNumber:
			cards = append(cards, fixedCard(name, strings.ToUpper(strconv.FormatFloat(float64(v), 'g', -1, 64)), ""))
		case lua.LString:
			if len(strings.ReplaceAll(string(v), "'", "''")) > fitsCard-12 || strings.IndexFunc(string(v), func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
				return nil, fmt.Errorf("card %s: a text may have 68 characters of ASCII, not %q", name, string(v))
			}
			cards = append(cards, textCard(name, string(v), ""))
		default:
			return nil, fmt.Errorf("card %s must be a string, a number, true or false, not %s", name, describe(v))
		}
	}
	slices.Sort(cards)
	return cards, nil
}

// fixedCard is a card with a number or a logical value, which ends at column 30.
func fixedCard(name, value, comment string) string {
	return withComment(fmt.Sprintf("%-8s= %20s", name, value), comment)
}

// textCard is a card with a text, which has at least 8 characters.
func textCard(name, value, comment string) string {
	return withComment(fmt.Sprintf("%-8s= %-20s", name, fmt.Sprintf("'%-8s'", strings.ReplaceAll(value, "'", "''"))), comment)
}

func withComment(card, comment string) string {
	if comment != "" {
		card += " / " + comment
	}
	return card
}

// writeFITSHeader writes cards, the end, and spaces up to a full block.
func writeFITSHeader(w *bufio.Writer, cards []string) {
	n := int64(0)
	for _, card := range append(cards, "END") {
		fmt.Fprintf(w, "%-*s", fitsCard, card)
		n += fitsCard
	}
	w.WriteString(strings.Repeat(" ", int(padding(n))))
}
