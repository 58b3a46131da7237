package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Where a parameter stands.
const (
	inPath   = "path"
	inQuery  = "query"
	inHeader = "header"
)

const (
	maxParams = 100
	maxParam  = 4096 // bytes of one value
)

// A param is one parameter of a request.
type param struct {
	in, name string
	required bool
	tenant   bool
	index    []int
	shape    *shape
}

// param adds the parameter that a field asks for.
func (in *inputs) param(f reflect.StructField) error {
	for _, where := range []string{inPath, inQuery, inHeader} {
		name, option, _ := strings.Cut(f.Tag.Get(where), ",")
		if name == "" {
			continue
		}
		s, err := newShape(f.Type)
		if err == nil {
			err = s.tagged(f.Tag)
		}
		if err == nil && (s.kind == anObject || s.kind == aDict || s.kind == anything) {
			err = fmt.Errorf("a parameter cannot be an object")
		}
		in.params = append(in.params, param{
			in: where, name: name, index: f.Index, shape: s, tenant: f.Tag.Get("tenant") == "true",
			required: where == inPath || option == "required",
		})
		return err
	}
	return fmt.Errorf("field %s says not where it comes from", f.Name)
}

// params reads the parameters into v. It returns the tenants that they name and the rules
// that they break. A field without a value in the request is emptied, whatever the body said.
func (c *call) params(plan *inputs, v reflect.Value) (named, broken []string, err error) {
	query, err := parseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, nil, err
	}
	if plan.query != nil {
		v.FieldByIndex(plan.query).Set(reflect.ValueOf(query))
	}
	for _, p := range plan.params {
		values, err := p.values(c.r, query)
		if err != nil {
			return nil, nil, err
		}
		target := v.FieldByIndex(p.index)
		target.SetZero()
		broken = append(broken, p.set(target, values)...)
		if p.tenant {
			named = append(named, values...)
		}
	}
	return named, broken, nil
}

// parseQuery reads a query that every server reads the same way.
func parseQuery(raw string) (url.Values, error) {
	if strings.Count(raw, "&") >= maxParams {
		return nil, fault.New(fault.Invalid, "", "the query has too many parameters")
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "the query is malformed").Because(err)
	}
	for name, values := range query {
		if !store.Storable(name + strings.Join(values, "")) {
			return nil, fault.New(fault.Invalid, "", "the query must be valid UTF-8 without U+0000")
		}
	}
	return query, nil
}

// values returns what the request has for p.
func (p param) values(r *http.Request, query url.Values) ([]string, error) {
	var values []string
	switch p.in {
	case inPath:
		v := r.PathValue(p.name)
		if len(v) > maxParam || !store.Storable(v) {
			return nil, fault.New(fault.NotFound, "", "no such record")
		}
		return []string{v}, nil
	case inQuery:
		values = query[p.name]
	case inHeader:
		values = r.Header.Values(p.name)
	}
	for _, v := range values {
		if len(v) > maxParam || !store.Storable(v) {
			return nil, fault.New(fault.Invalid, p.name, "is too long or not valid UTF-8")
		}
	}
	if p.shape.kind == aList {
		return apart(values), nil
	}
	if len(values) > 1 {
		return nil, fault.New(fault.Invalid, p.name, "must be given once")
	}
	return values, nil
}

// apart splits values that hold several, separated by commas.
func apart(values []string) []string {
	var all []string
	for _, v := range values {
		all = append(all, strings.Split(v, ",")...)
	}
	return slices.DeleteFunc(all, func(v string) bool { return v == "" })
}

// set stores values in the field, or returns what is wrong with them.
func (p param) set(target reflect.Value, values []string) []string {
	if len(values) == 0 && p.shape.rules.standard != "" {
		values = []string{p.shape.rules.standard}
	}
	if len(values) == 0 {
		if p.required {
			return []string{p.name + " should not be empty"}
		}
		return nil
	}
	if p.shape.kind == aList {
		return p.setList(target, values)
	}
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	return prefixed(p.name, setScalar(target, p.shape, values[0]))
}

func (p param) setList(target reflect.Value, values []string) []string {
	broken := prefixed(p.name, p.shape.rules.checkItems(len(values)))
	all := reflect.MakeSlice(target.Type(), len(values), len(values))
	for i, v := range values {
		broken = append(broken, prefixed("each value in "+p.name, setScalar(all.Index(i), p.shape.items, v))...)
	}
	target.Set(all)
	return broken
}

func setScalar(target reflect.Value, s *shape, v string) []string {
	switch s.kind {
	case anInteger:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || strings.HasPrefix(v, "+") {
			return []string{anInteger.demand()}
		}
		target.SetInt(n)
		return s.rules.checkInteger(n)
	case aBoolean:
		if v != "true" && v != "false" {
			return []string{aBoolean.demand()}
		}
		target.SetBool(v == "true")
		return nil
	}
	target.SetString(v)
	return s.rules.checkText(v)
}

func prefixed(name string, messages []string) []string {
	for i, m := range messages {
		messages[i] = name + " " + m
	}
	return messages
}
