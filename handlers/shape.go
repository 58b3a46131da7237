package handlers

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A kind is what a JSON value must be.
type kind string

const (
	anything  kind = "" // any JSON value, kept as it is
	aText     kind = "string"
	anInteger kind = "integer"
	aNumber   kind = "number"
	aBoolean  kind = "boolean"
	aList     kind = "array"
	anObject  kind = "object" // with the fields of a struct
	aDict     kind = "dict"   // with keys of the caller's choice
)

// A shape is what a value must look like: made once from a Go type and its tags, used to
// check requests and to write the OpenAPI document.
type shape struct {
	kind     kind
	name     string // of the Go struct
	nullable bool
	fields   []*field
	byName   map[string]*field
	items    *shape // of a list or dict
	rules    rules
}

// A field is one member of an object.
type field struct {
	name     string
	required bool // of a caller
	always   bool // in answers, though it may be null
	tenant   bool // it names a tenant that must agree with the header
	shape    *shape
}

// rules are the limits of a value, as its tags give them.
type rules struct {
	min, max             *int64
	minLength, maxLength int // in code points; 0 is no limit
	minItems, maxItems   int
	enum                 []string
	pattern              *regexp.Regexp
	format               string
	standard             string // the default, as text
}

// A shaped type says which shape it has in place of its Go structure.
type shaped interface{ shape() (*shape, error) }

// newShape returns the shape of a type. Structs that contain themselves have none.
func newShape(t reflect.Type) (*shape, error) {
	if t == reflect.TypeFor[json.RawMessage]() {
		return &shape{}, nil
	}
	if own, ok := reflect.Zero(t).Interface().(shaped); ok && t.Kind() != reflect.Pointer {
		return own.shape()
	}
	switch t.Kind() {
	case reflect.String:
		return &shape{kind: aText}, nil
	case reflect.Bool:
		return &shape{kind: aBoolean}, nil
	case reflect.Int, reflect.Int64:
		return &shape{kind: anInteger}, nil
	case reflect.Float64:
		return &shape{kind: aNumber}, nil
	case reflect.Interface:
		return &shape{}, nil
	case reflect.Pointer:
		s, err := newShape(t.Elem())
		if err == nil {
			s.nullable = true
		}
		return s, err
	case reflect.Slice:
		items, err := newShape(t.Elem())
		return &shape{kind: aList, items: items}, err
	case reflect.Map:
		items, err := newShape(t.Elem())
		return &shape{kind: aDict, items: items}, err
	case reflect.Struct:
		return newObject(t)
	}
	return nil, fmt.Errorf("type %s has no place on the wire", t)
}

// newObject returns the shape of a struct. Fields for other parts of the request than the
// body are left out. A field that says nothing is a mistake: JSON would fill it unchecked.
func newObject(t reflect.Type) (*shape, error) {
	if t == reflect.TypeFor[time.Time]() {
		return nil, fmt.Errorf("a time goes on the wire as a stamp")
	}
	s := &shape{kind: anObject, name: t.Name(), byName: map[string]*field{}}
	for f := range visible(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == "-" || elsewhere(f.Tag) {
			continue
		}
		m, err := newField(f)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t.Name(), f.Name, err)
		}
		s.fields = append(s.fields, m)
		s.byName[m.name] = m
	}
	return s, nil
}

func newField(f reflect.StructField) (*field, error) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return nil, fmt.Errorf("it has no name on the wire")
	}
	s, err := newShape(f.Type)
	if err != nil {
		return nil, err
	}
	omitted := strings.Contains(options, "omit")
	return &field{
		name: name, shape: s, tenant: f.Tag.Get("tenant") == "true",
		required: !omitted && f.Type.Kind() != reflect.Pointer, always: !omitted,
	}, s.tagged(f.Tag)
}

// elsewhere reports whether a field is for another part of the request than the body.
func elsewhere(tag reflect.StructTag) bool {
	return tag.Get(inPath) != "" || tag.Get(inQuery) != "" || tag.Get(inHeader) != "" || tag.Get("body") != ""
}

// visible yields the exported fields of a struct, those of embedded structs as its own.
// Of two with one name the outer counts, as in Go.
func visible(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			embedded := f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag == ""
			if embedded || !f.IsExported() {
				continue
			}
			if seen, _ := t.FieldByName(f.Name); !equal(seen.Index, f.Index) {
				continue
			}
			if !yield(f) {
				return
			}
		}
	}
}

func equal(a, b []int) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// tagged reads the rules from tags. Those about text and numbers are about the items where
// the value is a list.
func (s *shape) tagged(tag reflect.StructTag) error {
	var err error
	count := func(name string) int {
		value := tag.Get(name)
		if value == "" {
			return 0
		}
		n, bad := strconv.Atoi(value)
		if bad != nil {
			err = fmt.Errorf("%s: %w", name, bad)
		}
		return n
	}
	s.rules.minItems, s.rules.maxItems = count("minItems"), count("maxItems")
	s.rules.standard = tag.Get("default")
	target := &s.rules
	if s.kind == aList && s.items != nil {
		target = &s.items.rules
	}
	target.minLength, target.maxLength = count("minLength"), count("maxLength")
	target.format = tag.Get("format")
	if tag.Get("min") != "" {
		n := int64(count("min"))
		target.min = &n
	}
	if tag.Get("max") != "" {
		n := int64(count("max"))
		target.max = &n
	}
	if words := tag.Get("enum"); words != "" {
		target.enum = strings.Split(words, "|")
	}
	if p := tag.Get("pattern"); p != "" && err == nil {
		target.pattern, err = regexp.Compile(p)
	}
	return err
}
