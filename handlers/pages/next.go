package pages

import (
	"net/url"
	"strings"
)

const (
	home    = "/"
	maxNext = 2048 // bytes
)

// local returns target if it is a path of this origin, else home. It judges the bytes,
// not only what url.Parse makes of them: browsers drop tabs and newlines, read a backslash
// as a slash, and take "//host" for another origin; proxies decode and clean paths.
func local(target string) string {
	if target == "" || target[0] != '/' || len(target) > maxNext {
		return home
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return home
		}
	}
	if _, err := url.Parse(target); err != nil {
		return home
	}
	path := target
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	lower := strings.ToLower(path)
	for _, bad := range []string{"//", "%2f", "%5c", "%2e", "%00", "%09", "%0a", "%0d"} {
		if strings.Contains(lower, bad) {
			return home
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return home
		}
	}
	return target
}
