package handlers

import (
	"context"
	_ "embed"
	"encoding/json"

	"github.com/go-identity/identity/store"
)

// golden is the OpenAPI document. TestOpenAPI keeps it equal to what the routes say.
//
//go:embed openapi.json
var golden []byte

type document struct{}

func (h document) routes() []route {
	return []route{
		public("GET /openapi.json", 200, "Read this document", op(h.read)).own(),
	}
}

func (h document) read(context.Context, store.Principal, none) (json.RawMessage, error) {
	return golden, nil
}
