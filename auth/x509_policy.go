package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
)

// policy is what a signing policy says of one authority: which names it may sign ("/C=it/O=INFN/*").
type policy struct {
	authority string
	names     []string
}

// checkPolicy holds an authority to its signing policy, if there is one.
func checkPolicy(path string, cert, authority *x509.Certificate) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &untrustedError{fmt.Sprintf("the signing policy %s cannot be read: %v", path, reason(err))}
	}
	policies, err := parsePolicy(string(text))
	if err != nil {
		return &untrustedError{fmt.Sprintf("the signing policy %s cannot be understood: %v", path, err)}
	}
	signer, name := voms.DN(authority.RawSubject), voms.DN(cert.RawSubject)
	if name == signer {
		return nil // its own certificate
	}
	stated := false
	for _, p := range policies {
		if !matches(p.authority, signer) {
			continue
		}
		stated = true
		for _, pattern := range p.names {
			if matches(pattern, name) {
				return nil
			}
		}
	}
	if !stated {
		return nil // it is of another authority
	}
	return &untrustedError{fmt.Sprintf("%s may not sign a certificate of %s (%s)", signer, name, path)}
}

// policyWord finds the words of a line: plain, or in single quotes.
var policyWord = regexp.MustCompile(`'([^']*)'|(\S+)`)

// parsePolicy reads the format that Globus made: lines of three words, of which access_id_CA begins an authority, and
// cond_subjects has patterns of names. Other rights than CA:sign are of no interest.
func parsePolicy(text string) (policies []policy, err error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var words []string
		for _, m := range policyWord.FindAllStringSubmatch(line, -1) {
			words = append(words, m[1]+m[2])
		}
		if len(words) < 3 {
			return nil, fmt.Errorf("line %d has less than three words", number)
		}
		switch words[0] {
		case "access_id_CA":
			policies = append(policies, policy{authority: unquote(words[2])})
		case "pos_rights", "neg_rights":
		case "cond_subjects":
			if len(policies) == 0 {
				return nil, fmt.Errorf("line %d comes before access_id_CA", number)
			}
			last := &policies[len(policies)-1]
			last.names = append(last.names, patterns(strings.Join(words[2:], " "))...)
		default:
			return nil, fmt.Errorf("line %d begins with %q", number, words[0])
		}
	}
	return policies, nil
}

// patterns takes apart the names of cond_subjects: in double quotes each, or one without.
func patterns(text string) (all []string) {
	if !strings.Contains(text, `"`) {
		return []string{text}
	}
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			all = append(all, part)
		}
	}
	return all
}

func unquote(text string) string { return strings.Trim(text, `"`) }

// matches compares a name with a pattern, in which * stands for anything. As in Globus, the case of letters makes no
// difference, nor does how an e-mail address is called.
func matches(pattern, name string) bool {
	pieces := strings.Split(plainName(pattern), "*")
	for i, piece := range pieces {
		pieces[i] = regexp.QuoteMeta(piece)
	}
	matched, err := regexp.MatchString("^(?s:"+strings.Join(pieces, ".*")+")$", plainName(name))
	return err == nil && matched
}

var plainAttributes = strings.NewReplacer("/emailaddress=", "/e=", "/email=", "/e=", "/userid=", "/uid=")

func plainName(name string) string { return plainAttributes.Replace(strings.ToLower(name)) }
