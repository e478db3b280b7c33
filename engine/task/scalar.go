package task

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Date is a calendar day, as YAML's 2024-01-02; a time.Time is a moment (2024-01-02 10:11:12). The time within is
// midnight UTC of that day.
type Date struct{ time.Time }

// String returns the day as 2006-01-02.
func (d Date) String() string { return d.Format(time.DateOnly) }

// MarshalText returns the day as 2006-01-02, also in JSON.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalJSON returns the day as a JSON string.
func (d Date) MarshalJSON() ([]byte, error) { return []byte(`"` + d.String() + `"`), nil }

// The patterns of PyYAML's resolver (yaml/resolver.py); exponent is ours, see resolvePlain.
var (
	boolPattern  = regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`)
	floatPattern = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)` +
		`|\.(?:nan|NaN|NAN))$`)
	intPattern = regexp.MustCompile(`^(?:[-+]?0b[01_]+` +
		`|[-+]?0[0-7_]+` +
		`|[-+]?(?:0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+` +
		`|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	nullPattern      = regexp.MustCompile(`^(?:~|null|Null|NULL|)$`)
	exponentPattern  = regexp.MustCompile(`^[-+]?[0-9]+[eE][-+][0-9]{1,3}$`)
	timestampPattern = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})` +
		`(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?` +
		`(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$`)
	datePattern = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// maxDigits is the length of a number above which it is text; Python refuses longer ones.
const maxDigits = 4300

// resolvePlain returns the value of a scalar written without quotes, as PyYAML's safe_load does: nil, bool, int64,
// *big.Int (integers that do not fit), float64, Date, time.Time, or string for all else. It differs where PyYAML raises an
// error (text instead) and for 1e+12, which Helm writes for large integers and PyYAML takes for text: here it is a number,
// an integer where it can be.
func resolvePlain(text string) any {
	switch {
	case nullPattern.MatchString(text):
		return nil
	case boolPattern.MatchString(text):
		return strings.EqualFold(text, "yes") || strings.EqualFold(text, "true") || strings.EqualFold(text, "on")
	case len(text) > maxDigits || !strings.ContainsRune("+-.0123456789", rune(text[0])):
		return text
	}
	var value any
	var ok bool
	switch {
	case floatPattern.MatchString(text):
		value, ok = parseFloat(text)
	case intPattern.MatchString(text):
		value, ok = parseInt(text)
	case exponentPattern.MatchString(text):
		value, ok = parseExponent(text)
	default:
		value, ok = parseTime(text)
	}
	if !ok {
		return text
	}
	return value
}

func parseFloat(text string) (any, bool) {
	digits := strings.ToLower(strings.ReplaceAll(text, "_", ""))
	sign := 1.0
	if digits[0] == '-' {
		sign = -1
	}
	digits = strings.TrimLeft(digits, "+-")
	switch digits {
	case ".inf":
		return math.Inf(int(sign)), true
	case ".nan":
		return math.NaN(), true
	}
	var f float64
	for part := range strings.SplitSeq(digits, ":") { // sexagesimal: 1:30.5
		v, err := strconv.ParseFloat(part, 64)
		if err != nil && !math.IsInf(v, 0) {
			return nil, false
		}
		f = f*60 + v
	}
	return sign * f, true
}

func parseInt(text string) (any, bool) {
	digits := strings.ReplaceAll(text, "_", "")
	negative := digits[0] == '-'
	digits = strings.TrimLeft(digits, "+-")
	n, ok := new(big.Int), true
	switch {
	case digits == "0":
	case strings.HasPrefix(digits, "0b"):
		n, ok = n.SetString(digits[2:], 2)
	case strings.HasPrefix(digits, "0x"):
		n, ok = n.SetString(digits[2:], 16)
	case digits[0] == '0':
		n, ok = n.SetString(digits, 8)
	default:
		for part := range strings.SplitSeq(digits, ":") { // sexagesimal: 12:30:45
			v, valid := new(big.Int).SetString(part, 10)
			if !valid {
				return nil, false
			}
			n.Mul(n, big.NewInt(60)).Add(n, v)
		}
	}
	if !ok {
		return nil, false
	}
	if negative {
		n.Neg(n)
	}
	return integer(n), true
}

func parseExponent(text string) (any, bool) {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	if r.IsInt() {
		return integer(r.Num()), true
	}
	f, _ := r.Float64()
	return f, true
}

// integer returns n as an int64 when it fits.
func integer(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// parseTime reads a date or a moment. As in PyYAML, a moment without zone is not tied to one; it is kept in UTC.
func parseTime(text string) (any, bool) {
	m := timestampPattern.FindStringSubmatch(text)
	if m == nil || m[4] == "" && !datePattern.MatchString(text) {
		return nil, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	year, month, day := number(1), number(2), number(3)
	hour, minute, second := number(4), number(5), number(6)
	nanos, _ := strconv.Atoi((m[7] + "000000")[:6])
	zone := time.UTC
	if m[9] != "" {
		offset := number(10)*3600 + number(11)*60
		if offset >= 24*3600 {
			return nil, false
		}
		if m[9] == "-" {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos*1000, zone)
	// time.Date carries 2024-02-30 over to March: such a day is no date.
	if year == 0 || t.Year() != year || int(t.Month()) != month || t.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return nil, false
	}
	if m[4] == "" {
		return Date{t}, true
	}
	return t, true
}
