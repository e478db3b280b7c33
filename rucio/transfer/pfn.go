package transfer

import (
	"context"
	"crypto/md5" //nolint:gosec // a part of names, no protection
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// lfn2pfn are the algorithms by which deterministic RSEs name files, that Rucio itself has. Those of an experiment's policy
// package are known to the server alone, which is asked then.
var lfn2pfn = map[string]func(scope, name string) string{
	"hash":     hashPath,
	"identity": identityPath,
}

// hashPath puts files into folders by the MD5 of their DID, so that no folder has too many.
func hashPath(scope, name string) string {
	sum := md5.Sum([]byte(scope + ":" + name)) //nolint:gosec // as above
	hash := hex.EncodeToString(sum[:])
	return fmt.Sprintf("%s/%s/%s/%s", scopePath(scope), hash[:2], hash[2:4], name)
}

func identityPath(scope, name string) string { return scopePath(scope) + "/" + name }

// scopePath makes folders of the scopes of users and groups, of which there are many.
func scopePath(scope string) string {
	if strings.HasPrefix(scope, "user") || strings.HasPrefix(scope, "group") {
		return strings.ReplaceAll(scope, ".", "/")
	}
	return scope
}

// namer returns how the RSE names files, nil when only the server knows.
func (s *site) namer() func(scope, name string) string {
	algorithm := s.LFN2PFNAlgorithm
	if algorithm == "" || algorithm == "default" {
		algorithm = "hash"
	}
	if !s.Deterministic {
		return nil
	}
	return lfn2pfn[algorithm]
}

// pfn returns where a file is to be on an RSE by a protocol. Of a deterministic RSE it follows from the name; else the
// server knows, if the file is registered there.
func (s *site) pfn(ctx context.Context, c *rucio.Client, p rucio.Protocol, did rucio.DID, w wish) (string, error) {
	if path := s.namer(); path != nil {
		return prefix(p) + path(did.Scope, did.Name), nil
	}
	lfn := did.Scope + ":" + did.Name
	pfns, err := c.LFNs2PFNs(ctx, s.RSE.RSE, []string{lfn}, &rucio.LFNs2PFNsOptions{Scheme: p.Scheme, Operation: w.operation, ProtocolDomain: w.domain})
	if err != nil {
		return "", err
	}
	if pfns[lfn] == "" {
		return "", refuse("", rucio.ErrReplicaNotFound, "%s does not know where %s is to be", s.RSE.RSE, lfn)
	}
	return pfns[lfn], nil
}

// prefix is what all PFNs of a protocol begin with, up to and with a slash, as the protocol's class in Python writes it.
func prefix(p rucio.Protocol) string {
	folder := "/" + strings.TrimPrefix(p.Prefix, "/")
	if !strings.HasSuffix(folder, "/") {
		folder += "/"
	}
	host, port, service := p.Hostname, fmt.Sprintf(":%d", p.Port), ""
	if strings.HasPrefix(p.Impl, "rucio.rse.protocols.posix.") {
		port = ""
	}
	if strings.HasPrefix(p.Impl, "rucio.rse.protocols.gfal.") {
		if _, bare, ok := strings.Cut(host, "://"); ok {
			host = bare
		}
		if p.Port == 0 {
			port = ""
		}
		attributes, _ := p.ExtendedAttributes.(map[string]any)
		service, _ = attributes["web_service_path"].(string)
	}
	return p.Scheme + "://" + host + port + service + folder
}
