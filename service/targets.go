package service

import (
	"net/url"
	"slices"
	"strings"
)

const (
	home      = "/"
	maxTarget = 2048 // bytes
)

// targets are where a browser may be sent after a sign-in.
type targets struct {
	origins []string // scheme and host, in lower case
}

func newTargets(c Config) targets {
	t := targets{origins: slices.Clone(c.Origins)}
	if u, err := url.Parse(c.BaseURL); err == nil {
		t.origins = append(t.origins, u.Scheme+"://"+strings.ToLower(u.Host))
	}
	return t
}

// safe returns target if it is a path here or an address at one of the origins, else home. It
// judges the bytes, not only what url.Parse makes of them: browsers drop tabs and newlines,
// read a backslash as a slash, and take "//host" for another origin; proxies decode and clean
// paths.
func (t targets) safe(target string) string {
	if len(target) > maxTarget || strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' }) {
		return home
	}
	path := target
	if !strings.HasPrefix(target, "/") {
		path = t.within(target)
	}
	if _, err := url.Parse(target); err != nil || !plainPath(path) {
		return home
	}
	return target
}

// Local returns target if it is a path of this origin, which every browser and proxy reads
// alike, else "/".
func Local(target string) string { return targets{}.safe(target) }

// within returns the path of an address at one of the origins, or nothing.
func (t targets) within(address string) string {
	for _, origin := range t.origins {
		if len(address) > len(origin) && strings.EqualFold(address[:len(origin)], origin) && address[len(origin)] == '/' {
			return address[len(origin):]
		}
	}
	return ""
}

// plainPath reports whether every server on the way reads a path alike.
func plainPath(path string) bool {
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	if !strings.HasPrefix(path, "/") {
		return false
	}
	lower := strings.ToLower(path)
	for _, bad := range []string{"//", "%2f", "%5c", "%2e", "%00", "%09", "%0a", "%0d"} {
		if strings.Contains(lower, bad) {
			return false
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// Target returns where a browser may be sent that asks to go to an address: there, or home.
func (s *SSO) Target(address string) string { return s.targets.safe(address) }
