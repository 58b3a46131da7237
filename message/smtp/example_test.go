package smtp_test

import (
	"fmt"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/message/smtp"
)

func Example() {
	send, err := smtp.New(smtp.Config{
		Addr: "smtp.example.com:587", From: "Acme <no-reply@acme.example>",
		Username: "acme", Password: "from where the host keeps its secrets",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	options := identity.Options{Send: send}
	fmt.Println(options.Send != nil)

	// Clear text stays on this machine.
	_, err = smtp.New(smtp.Config{Addr: "smtp.example.com:25", From: "no-reply@acme.example", Security: smtp.Plain})
	fmt.Println(err)
	// Output:
	// true
	// smtp: address "smtp.example.com:25" is not loopback: mail for others must not leave this machine in clear
}
