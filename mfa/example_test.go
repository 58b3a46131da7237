package mfa_test

import (
	"fmt"
	"time"

	"github.com/go-identity/identity/mfa"
)

func ExampleKey_Match() {
	k := mfa.Key{Secret: []byte("12345678901234567890"), Algorithm: "SHA1", Digits: 6, Period: 30}
	now := time.Unix(59, 0)
	step, ok, err := k.Match("287082", now, 1, 0)
	fmt.Println(step, ok, err)
	_, ok, err = k.Match("287082", now, 1, step) // the same code again
	fmt.Println(ok, err)
	// Output:
	// 1 true <nil>
	// false <nil>
}
