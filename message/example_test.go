package message_test

import (
	"fmt"
	"time"

	"github.com/go-identity/identity/message"
)

func Example() {
	c, err := message.New("Acme Reports")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := c.Activation(message.Activation{
		To:       "ada@example.com",
		Name:     "Ada",
		Link:     "https://app.example.com/account/activate?userId=1&token=2",
		ValidFor: 24 * time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Subject)
	fmt.Println()
	fmt.Print(m.Text)
	// Output:
	// Confirm your e-mail address for Acme Reports
	//
	// Hello Ada,
	//
	// This address was given to sign up for Acme Reports. Confirm that it is yours to finish:
	//
	// https://app.example.com/account/activate?userId=1&token=2
	//
	// The link works once, for 1 day.
	//
	// If you did not sign up, ignore this message: no account opens unless you confirm.
}
