package identity

import (
	"net/http"
	"time"
)

// How long a client may take, and how much it may say before anybody knows who it is.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// NewServer returns a server for h with limits that [http.ListenAndServe] does not have: a
// client that sends a byte now and then loses its connection instead of keeping it. Headers
// get 5 seconds and 16 KiB, a whole request 15 seconds, an answer 30, a connection without
// requests 2 minutes. A host that streams changes WriteTimeout; the rest fits any.
func NewServer(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr: addr, Handler: h,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
}
