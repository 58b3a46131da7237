package handlers

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-identity/identity/store"
)

// golden is the OpenAPI document. TestOpenAPI keeps it equal to what the routes say.
//
//go:embed openapi.json
var golden []byte

type openapi struct{}

func (h openapi) routes() []route {
	return []route{
		public("GET /openapi.json", 200, "Read this document", op(h.read)).own(),
	}
}

func (h openapi) read(context.Context, store.Principal, none) (json.RawMessage, error) {
	return golden, nil
}

// OpenAPI returns the OpenAPI 3.1 document of the routes. The same routes give the same
// bytes.
func (a *API) OpenAPI() ([]byte, error) {
	d := &document{schemas: dictionary{}, paths: dictionary{}, spelled: map[string]string{}}
	for i := range a.rows {
		if err := d.answers(&a.rows[i]); err != nil {
			return nil, fmt.Errorf("describe %s: %w", a.rows[i].pattern, err)
		}
	}
	for i := range a.rows {
		d.add(&a.rows[i])
	}
	text, err := json.MarshalIndent(d.whole(a.rows), "", "  ")
	return append(text, '\n'), err
}

// A dictionary is a JSON object; encoding/json writes its keys in order.
type dictionary = map[string]any

// A document is an OpenAPI document being written.
type document struct {
	schemas dictionary
	paths   dictionary
	spelled map[string]string // a path with empty braces → as it was first spelled
}

func (d *document) whole(rows []route) dictionary {
	return dictionary{
		"openapi": "3.1.0",
		"info": dictionary{
			"title": "identity", "version": "1",
			"description": "Sign-in, tenants, users, roles and permissions. Every path is also served under /frontegg.",
			"license":     dictionary{"name": "MIT", "identifier": "MIT"},
		},
		"servers": []dictionary{{"url": "/"}},
		"tags":    tags(rows),
		"paths":   d.paths,
		"components": dictionary{
			"schemas":         d.schemas,
			"securitySchemes": schemes(),
			"parameters":      headers(),
			"responses":       refusals(),
		},
	}
}

func tags(rows []route) []dictionary {
	var all []dictionary
	seen := map[string]bool{}
	for _, r := range rows {
		if !seen[r.category] {
			all = append(all, dictionary{"name": r.category})
		}
		seen[r.category] = true
	}
	return all
}

func schemes() dictionary {
	bearer := func(whose string) dictionary {
		return dictionary{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": whose}
	}
	return dictionary{
		"user":       bearer("The access token of a user."),
		"management": bearer("The token of the host's own back end."),
		"session": dictionary{
			"type": "apiKey", "in": "cookie", "name": "__Host-identity",
			"description": "The session cookie of a browser.",
		},
	}
}

func headers() dictionary {
	id := dictionary{"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}
	return dictionary{
		"Tenant": dictionary{
			"name": "frontegg-tenant-id", "in": "header", "schema": id,
			"description": "With a management token: the tenant to act in. With a user token: absent or the token's own.",
		},
		"User": dictionary{
			"name": "frontegg-user-id", "in": "header", "schema": id,
			"description": "With a management token: the user to act for. With a user token: absent or the token's own.",
		},
	}
}

func refusals() dictionary {
	schema := dictionary{
		"type": "object", "required": []string{"errors", "errorCode"},
		"properties": dictionary{
			"errors":    dictionary{"type": "array", "items": dictionary{"type": "string"}, "description": "What is wrong, for people."},
			"errorCode": dictionary{"type": "string", "description": "What kind of no, for programs."},
		},
	}
	content := dictionary{"application/json": dictionary{"schema": schema}}
	return dictionary{
		"Refused":     dictionary{"description": "The request was refused.", "content": content},
		"Unavailable": dictionary{"description": "The request could not be served.", "content": content},
	}
}

// answers registers the schemas of what a row answers. It runs for all rows before the
// inputs are described: where both use one type, the answer's schema has its name.
func (d *document) answers(r *route) error {
	var err error
	r.answer, err = newShape(r.out)
	if err == nil {
		d.schema(r.answer, true)
	}
	return err
}

// add describes a row.
func (d *document) add(r *route) {
	path := d.spell(r.path())
	item, _ := d.paths[path].(dictionary)
	if item == nil {
		item = dictionary{}
		d.paths[path] = item
	}
	item[strings.ToLower(r.method())] = d.describe(r, path)
}

func (d *document) describe(r *route, path string) dictionary {
	o := dictionary{
		"operationId": operationID(r.method(), r.path()),
		"summary":     r.summary,
		"tags":        []string{r.category},
		"security":    security(r.audience),
		"responses":   d.responses(r),
	}
	if r.permission != "" {
		o["x-permission"] = r.permission
	}
	if ps := d.parameters(r, path); len(ps) > 0 {
		o["parameters"] = ps
	}
	if r.inputs.body != nil {
		o["requestBody"] = dictionary{
			"required": r.inputs.whole != nil || demands(r.inputs.body),
			"content":  d.taken(r),
		}
	}
	return o
}

func demands(s *shape) bool {
	for _, f := range s.fields {
		if f.required {
			return true
		}
	}
	return false
}

func security(a audience) []dictionary {
	none := []string{}
	switch a {
	case forUser:
		return []dictionary{{"user": none}, {"session": none}, {"management": none}}
	case forManagement:
		return []dictionary{{"management": none}}
	}
	return []dictionary{}
}

func (d *document) responses(r *route) dictionary {
	answer := dictionary{"description": http.StatusText(r.status)}
	switch {
	case r.media != "":
		answer["content"] = dictionary{r.media: dictionary{"schema": dictionary{"type": "string"}}}
	case r.status != http.StatusNoContent && !r.seen:
		answer["content"] = d.content(r.answer, true)
	}
	return dictionary{
		strconv.Itoa(r.status): answer,
		"4XX":                  dictionary{"$ref": "#/components/responses/Refused"},
		"5XX":                  dictionary{"$ref": "#/components/responses/Unavailable"},
	}
}

// taken describes the body of a request.
func (d *document) taken(r *route) dictionary {
	if r.form {
		return dictionary{"application/x-www-form-urlencoded": dictionary{"schema": d.schema(r.inputs.body, false)}}
	}
	return d.content(r.inputs.body, false)
}

func (d *document) content(s *shape, answer bool) dictionary {
	return dictionary{"application/json": dictionary{"schema": d.schema(s, answer)}}
}

// parameters lists those of the input, then the headers that say for whom the back end acts.
func (d *document) parameters(r *route, path string) []dictionary {
	var all []dictionary
	own, shown := wildcards(r.path()), wildcards(path)
	for i, name := range own {
		all = append(all, dictionary{"name": shown[i], "in": inPath, "required": true, "schema": d.wildcard(r, name)})
	}
	for _, p := range r.inputs.params {
		if p.in != inPath {
			all = append(all, dictionary{"name": p.name, "in": p.in, "required": p.required, "schema": d.schema(p.shape, false)})
		}
	}
	if r.audience != forAnyone {
		all = append(all, dictionary{"$ref": "#/components/parameters/Tenant"})
		all = append(all, dictionary{"$ref": "#/components/parameters/User"})
	}
	return all
}

func (d *document) wildcard(r *route, name string) any {
	for _, p := range r.inputs.params {
		if p.in == inPath && p.name == name {
			return d.schema(p.shape, false)
		}
	}
	return dictionary{"type": "string"}
}

// wildcards returns the names of a path's wildcards, in order.
func wildcards(path string) []string {
	var names []string
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

// spell returns the first spelling of a path: in OpenAPI two that differ in the names of
// their wildcards are one.
func (d *document) spell(path string) string {
	plain := path
	for _, name := range wildcards(path) {
		plain = strings.ReplaceAll(plain, "{"+name+"}", "{}")
	}
	if _, known := d.spelled[plain]; !known {
		d.spelled[plain] = path
	}
	return d.spelled[plain]
}

// operationID makes a name of a method and a path.
func operationID(method, path string) string {
	id := strings.ToLower(method)
	for word := range strings.FieldsFuncSeq(path, func(c rune) bool { return strings.ContainsRune("/-._", c) }) {
		if name, ok := strings.CutPrefix(word, "{"); ok {
			word = "by" + title(strings.TrimSuffix(name, "}"))
		}
		id += title(word)
	}
	return id
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }
