// Package routertest proves in its test that one guard works the same under the routers
// that Go programs use. It is a module of its own, so that no host gets their dependencies.
package routertest
