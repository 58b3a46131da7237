package handlers

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
)

// encode answers with out as JSON. An answer without anything in it is an empty object,
// for clients that parse every answer, unless the status says that there is no body.
func encode(w http.ResponseWriter, status int, out any) error {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return nil
	}
	if doc, ok := out.(reply); ok {
		doc.write(w, status)
		return nil
	}
	text, err := json.Marshal(filled(out))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a caller that went away needs no answer
	return nil
}

// filled returns out with empty lists where it has nil ones: a list is never null.
func filled(out any) any {
	v := reflect.ValueOf(out)
	if !v.IsValid() {
		return none{}
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	fill(c)
	return c.Interface()
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		fillList(v)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	}
}

func fillList(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 { // bytes, not a list
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	for i := range v.Len() {
		fill(v.Index(i))
	}
}
