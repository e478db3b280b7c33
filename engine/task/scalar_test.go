package task

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func day(year int, month time.Month, d int) Date {
	return Date{time.Date(year, month, d, 0, 0, 0, 0, time.UTC)}
}

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

var half = time.FixedZone("", -(5*3600 + 30*60))

// scalars are plain scalars and what PyYAML 6.0.3 makes of them. Where ours differs, python says what PyYAML does.
var scalars = []struct {
	text   string
	want   any
	python string
}{
	// booleans, and what looks like them
	{text: "yes", want: true}, {text: "Yes", want: true}, {text: "YES", want: true}, {text: "no", want: false},
	{text: "No", want: false}, {text: "NO", want: false}, {text: "on", want: true}, {text: "On", want: true},
	{text: "off", want: false}, {text: "OFF", want: false}, {text: "true", want: true}, {text: "True", want: true},
	{text: "FALSE", want: false}, {text: "False", want: false},
	{text: "y", want: "y"}, {text: "Y", want: "Y"}, {text: "n", want: "n"}, {text: "N", want: "N"},
	{text: "yEs", want: "yEs"}, {text: "tRUE", want: "tRUE"}, {text: "oN", want: "oN"},
	// null
	{text: "~", want: nil}, {text: "null", want: nil}, {text: "Null", want: nil}, {text: "NULL", want: nil}, {text: "", want: nil},
	{text: "nULL", want: "nULL"}, {text: "none", want: "none"}, {text: "None", want: "None"},
	// integers
	{text: "0", want: int64(0)}, {text: "-0", want: int64(0)}, {text: "+1", want: int64(1)}, {text: "-17", want: int64(-17)},
	{text: "1_000", want: int64(1000)}, {text: "1__0", want: int64(10)}, {text: "_1", want: "_1"},
	{text: "010", want: int64(8)}, {text: "-010", want: int64(-8)}, {text: "0o10", want: "0o10"}, {text: "08", want: "08"}, {text: "00", want: int64(0)},
	{text: "0_", want: int64(0)}, {text: "0x1F", want: int64(31)}, {text: "-0xff", want: int64(-255)}, {text: "0X1F", want: "0X1F"},
	{text: "0x1_F", want: int64(31)}, {text: "0b11", want: int64(3)}, {text: "0b12", want: "0b12"}, {text: "0x", want: "0x"},
	{text: "9223372036854775807", want: int64(math.MaxInt64)}, {text: "9223372036854775808", want: bigInt("9223372036854775808")},
	{text: "-9223372036854775808", want: int64(math.MinInt64)}, {text: "-9223372036854775809", want: bigInt("-9223372036854775809")},
	{text: "0xFFFFFFFFFFFFFFFFFF", want: bigInt("4722366482869645213695")},
	{text: "0b_", want: "0b_", python: "error"}, {text: "0x_", want: "0x_", python: "error"},
	// sexagesimal
	{text: "1:30", want: int64(90)}, {text: "12:30:45", want: int64(45045)}, {text: "-1:30", want: int64(-90)}, {text: "1:60", want: "1:60"},
	{text: "0:30", want: "0:30"}, {text: "01:30", want: "01:30"}, {text: "1:5", want: int64(65)}, {text: "1:30.5", want: 90.5}, {text: "190:20:30.15", want: 685230.15},
	{text: "localhost:8080", want: "localhost:8080"}, {text: "10.0.0.1:80", want: "10.0.0.1:80"},
	// floats
	{text: "1.0", want: 1.0}, {text: "1.", want: 1.0}, {text: ".5", want: 0.5}, {text: "-.5", want: "-.5"}, {text: "-0.5", want: -0.5},
	{text: "1.0e+3", want: 1000.0}, {text: "1.0E-3", want: 0.001}, {text: "1.5e3", want: "1.5e3"}, {text: "1e3", want: "1e3"}, {text: "1E3", want: "1E3"},
	{text: "6.02_2", want: 6.022}, {text: "010.5", want: 10.5}, {text: "1.29", want: 1.29}, {text: "1.29.0", want: "1.29.0"},
	{text: ".inf", want: math.Inf(1)}, {text: "-.INF", want: math.Inf(-1)}, {text: "+.Inf", want: math.Inf(1)}, {text: ".iNF", want: ".iNF"}, {text: "inf", want: "inf"},
	{text: "1.0e+999", want: math.Inf(1)}, {text: ".", want: "."}, {text: "..5", want: "..5"}, {text: "1.5e+12", want: 1.5e12},
	// what Helm and Go make of large numbers: numbers here
	{text: "1e+12", want: int64(1000000000000), python: "str:1e+12"}, {text: "-1E+6", want: int64(-1000000), python: "str:-1E+6"},
	{text: "1e+21", want: bigInt("1000000000000000000000"), python: "str:1e+21"}, {text: "1e-07", want: 1e-7, python: "str:1e-07"},
	{text: "1e+1000", want: "1e+1000"},
	// dates
	{text: "2024-01-02", want: day(2024, 1, 2)}, {text: "2024-1-2", want: "2024-1-2"},
	{text: "2024-01-02 10:11:12", want: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)},
	{text: "2024-1-2 1:11:12", want: time.Date(2024, 1, 2, 1, 11, 12, 0, time.UTC)},
	{text: "2024-01-02T10:11:12Z", want: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)},
	{text: "2024-01-02t10:11:12.5", want: time.Date(2024, 1, 2, 10, 11, 12, 500000000, time.UTC)},
	{text: "2024-01-02 10:11:12.123456789", want: time.Date(2024, 1, 2, 10, 11, 12, 123456000, time.UTC)},
	{text: "2024-01-02 10:11:12 -5:30", want: time.Date(2024, 1, 2, 10, 11, 12, 0, half)},
	{text: "2024-01-02 10:11", want: "2024-01-02 10:11"}, {text: "10:11:12", want: int64(36672)},
	{text: "2024-02-30", want: "2024-02-30", python: "error"}, {text: "2024-13-01", want: "2024-13-01", python: "error"},
	{text: "2024-01-02 25:00:00", want: "2024-01-02 25:00:00", python: "error"}, {text: "0000-01-01", want: "0000-01-01", python: "error"},
	{text: "2024-01-02 10:11:12+99", want: "2024-01-02 10:11:12+99", python: "error"},
	// text
	{text: "=", want: "=", python: "error"}, {text: "hello", want: "hello"}, {text: "+", want: "+"}, {text: "a: b", want: "a: b", python: "-"},
	{text: "1 2", want: "1 2"}, {text: "1,000", want: "1,000"}, {text: "100%", want: "100%"}, {text: "now-24h", want: "now-24h"},
	{text: "١", want: "١"}, {text: strings.Repeat("9", 4301), want: strings.Repeat("9", 4301), python: "error"},
}

func TestResolvePlain(t *testing.T) {
	for _, tt := range scalars {
		if got := resolvePlain(tt.text); !same(got, tt.want) {
			t.Errorf("%.40q is %T %v, want %T %v", tt.text, got, got, tt.want, tt.want)
		}
	}
	if f, ok := resolvePlain(".nan").(float64); !ok || !math.IsNaN(f) {
		t.Errorf(".nan is %v", f)
	}
}

func same(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y) && x.Format(time.RFC3339Nano) == y.Format(time.RFC3339Nano)
	}
	return reflect.DeepEqual(a, b)
}

// TestResolvePlainAsPyYAML asks PyYAML itself for the table's right side.
func TestResolvePlainAsPyYAML(t *testing.T) {
	var texts []string
	for _, tt := range scalars {
		texts = append(texts, tt.text)
	}
	const script = `
import datetime, json, sys, yaml
def describe(text):
    try:
        v = yaml.safe_load("k: " + text)["k"]
    except Exception:
        return "error"
    if isinstance(v, datetime.datetime):
        return "datetime:" + v.isoformat()
    return type(v).__name__ + ":" + (repr(v) if isinstance(v, float) else str(v))
json.dump([describe(t) for t in json.load(sys.stdin)], sys.stdout)
`
	var answers []string
	python(t, "yaml", script, texts, &answers)
	for i, tt := range scalars {
		want := tt.python
		if want == "" {
			want = describe(tt.want)
		}
		got := strings.TrimSuffix(answers[i], "+00:00") // with Z a moment has a zone in Python, without it has none; ours are UTC
		if want != "-" && got != want {
			t.Errorf("PyYAML makes %s of %.40q, the table says %s", got, tt.text, want)
		}
	}
}

// describe names a value as the script above does.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType:None"
	case bool:
		return "bool:" + map[bool]string{true: "True", false: "False"}[v]
	case int64, *big.Int:
		return fmt.Sprintf("int:%d", v)
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if math.IsInf(v, 0) {
			s = strings.ToLower(strings.TrimPrefix(s, "+"))
		} else if v == math.Trunc(v) || strings.Contains(s, "e+") {
			s = strconv.FormatFloat(v, 'f', 1, 64)
		}
		return "float:" + s
	case Date:
		return "date:" + v.String()
	case time.Time:
		s := v.Format("2006-01-02T15:04:05")
		if micros := v.Nanosecond() / 1000; micros != 0 {
			s += fmt.Sprintf(".%06d", micros)
		}
		if v.Location() != time.UTC {
			s += v.Format("-07:00")
		}
		return "datetime:" + s
	}
	return fmt.Sprintf("str:%v", v)
}

func TestTags(t *testing.T) {
	kwargs, _ := loadKwargs(t, `
a: !!str 12
b: !!int "12"
c: !!float 3
d: !!float 1e3
e: !!bool "yes"
f: !!null ""
g: !!binary aGVs
  bG8=
h: !!timestamp "2024-01-02"
i: !!map {a: 1}
j: !!seq [1]
k: ! x
`[1:], Options{})
	want := map[string]any{"a": "12", "b": int64(12), "c": 3.0, "d": 1000.0, "e": true, "f": nil, "g": []byte("hello"),
		"h": day(2024, 1, 2), "i": map[string]any{"a": int64(1)}, "j": []any{int64(1)}, "k": "x"}
	if !reflect.DeepEqual(kwargs, want) {
		t.Errorf("kwargs are %#v,\nwant %#v", kwargs, want)
	}
	if base64.StdEncoding.EncodeToString(kwargs["g"].([]byte)) != "aGVsbG8=" {
		t.Errorf("binary is %q", kwargs["g"])
	}
}

func TestDatePrintsAsDay(t *testing.T) {
	d := day(2024, 1, 2)
	text, err := d.MarshalText()
	json, err2 := d.MarshalJSON()
	if fmt.Sprint(d) != "2024-01-02" || string(text) != "2024-01-02" || string(json) != `"2024-01-02"` || err != nil || err2 != nil {
		t.Errorf("date prints as %v, %s, %s", d, text, json)
	}
}
