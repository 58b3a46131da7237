package handlers

import (
	"reflect"
	"strings"
)

// schema describes a shape, named structs by reference.
func (d *document) schema(s *shape, answer bool) dictionary {
	full := d.inline(s, answer)
	if s.kind != anObject || s.name == "" {
		return full
	}
	name := schemaName(s.name)
	if known, ok := d.schemas[name]; ok && !reflect.DeepEqual(known, full) {
		name += "Input"
	}
	d.schemas[name] = full
	ref := dictionary{"$ref": "#/components/schemas/" + name}
	if s.nullable {
		return dictionary{"oneOf": []dictionary{ref, {"type": "null"}}}
	}
	return ref
}

func (d *document) inline(s *shape, answer bool) dictionary {
	o := s.rules.schema()
	switch s.kind {
	case anything:
		return o
	case aList:
		o["items"] = d.schema(s.items, answer)
	case aDict:
		o["additionalProperties"] = d.schema(s.items, answer)
		o["type"] = "object"
		return o
	case anObject:
		d.members(o, s, answer)
		o["type"] = "object"
		return o
	}
	o["type"] = string(s.kind)
	if s.nullable {
		o["type"] = []string{string(s.kind), "null"}
	}
	return o
}

func (d *document) members(o dictionary, s *shape, answer bool) {
	properties, required := dictionary{}, []string{}
	for _, f := range s.fields {
		properties[f.name] = d.schema(f.shape, answer)
		if f.required || answer && f.always {
			required = append(required, f.name)
		}
	}
	if len(properties) > 0 {
		o["properties"] = properties
	}
	if len(required) > 0 {
		o["required"] = required
	}
}

// schema describes limits.
func (r *rules) schema() dictionary {
	o := dictionary{}
	put := func(name string, n int) {
		if n > 0 {
			o[name] = n
		}
	}
	put("minLength", r.minLength)
	put("maxLength", r.maxLength)
	put("minItems", r.minItems)
	put("maxItems", r.maxItems)
	if r.min != nil {
		o["minimum"] = *r.min
	}
	if r.max != nil {
		o["maximum"] = *r.max
	}
	if len(r.enum) > 0 {
		o["enum"] = r.enum
	}
	if r.pattern != nil {
		o["pattern"] = r.pattern.String()
	}
	if r.format != "" {
		o["format"] = r.format
	}
	if r.standard != "" {
		o["default"] = r.standard
	}
	return o
}

// schemaName makes a name of a Go type's: listing[handlers.role] becomes RoleListing.
func schemaName(name string) string {
	if outer, inner, generic := strings.Cut(name, "["); generic {
		inner = strings.TrimSuffix(inner, "]")
		return title(inner[strings.LastIndexByte(inner, '.')+1:]) + title(outer)
	}
	return title(name)
}
