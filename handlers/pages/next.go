package pages

import "github.com/go-identity/identity/service"

const home = "/"

// local returns target if it is a path of this origin, else home.
func local(target string) string { return service.Local(target) }
