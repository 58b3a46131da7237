package oauth

import (
	"crypto/subtle"
	"net/url"

	"github.com/go-identity/identity/sso"
)

// maxParameter is the most that one parameter of an answer may hold, in bytes.
const maxParameter = 8 << 10

// A Rule is a check and the sentence that its failure is.
type Rule struct {
	Holds bool
	Say   string
}

// FirstBroken returns the refusal of the first rule that does not hold, or nil.
func FirstBroken(rules []Rule) error {
	for _, r := range rules {
		if !r.Holds {
			return sso.Refuse(r.Say, nil)
		}
	}
	return nil
}

// Same compares secrets. An empty one is like nothing.
func Same(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// CheckAnswer holds what the browser brought against the state of the sign-in, and against
// rules of the protocol's own. It comes before anything is sent anywhere: an answer that is
// not to our question costs nothing.
func CheckAnswer(answer url.Values, state string, more ...Rule) error {
	small := true
	for _, values := range answer {
		small = small && len(values) == 1 && len(values[0]) <= maxParameter
	}
	says := answer.Get("error")
	if !word.MatchString(says) {
		says = "an error"
	}
	rules := append([]Rule{
		{small, "the answer has a parameter twice, or an overlong one"},
		{Same(answer.Get("state"), state), "the answer belongs to another sign-in (state)"},
	}, more...)
	return FirstBroken(append(rules, []Rule{
		{!answer.Has("error"), "the provider answered " + says},
		{!answer.Has("id_token") && !answer.Has("access_token"), "the answer holds a token: only codes are taken from a browser"},
		{answer.Get("code") != "", "the answer holds no code"},
	}...))
}
