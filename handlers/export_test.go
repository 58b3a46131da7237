package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// NewSample returns an API whose routes only exercise the core.
func NewSample(c Config) (*API, error) {
	c.Services = &service.Services{}
	return newAPI(c, of("Sample", sample{}.routes()))
}

// NewBroken returns what newAPI says of routes with one mistake each.
func NewBroken(c Config) []error {
	c.Services = &service.Services{}
	h := sample{}
	type unnamed struct{ Name string }
	var errs []error
	for _, r := range []route{
		public("POST /a", 200, "", op(h.echo)),
		public("POST a", 200, "Not from the root", op(h.echo)),
		public("GET /a", 200, "Reads a body", op(h.echo)),
		public("GET /a", 200, "Has no wildcard", op(h.one)),
		public("GET /a/{", 200, "Is no pattern", op(h.list)),
		public("POST /a", 200, "Names no place", op(func(context.Context, store.Principal, unnamed) (none, error) { return none{}, nil })),
	} {
		_, err := newAPI(c, []route{r})
		errs = append(errs, err)
	}
	_, err := newAPI(c, []route{
		public("GET /x/{a}/y", 200, "One", op(func(context.Context, store.Principal, none) (none, error) { return none{}, nil })),
		public("GET /x/y/{b}", 200, "Other", op(func(context.Context, store.Principal, none) (none, error) { return none{}, nil })),
	})
	return append(errs, err)
}

// Scan runs the scanner over a text that may be anything.
func Scan(src []byte) error { return (&scanner{src: src}).scan(nil) }

// ScanEcho runs the scanner against the sample's input, and returns what it says.
func ScanEcho(src []byte) (broken []string, err error) {
	in, err := newInputs(reflect.TypeFor[echoIn]())
	if err != nil {
		return nil, err
	}
	s := &scanner{src: src}
	err = s.scan(in.body)
	return s.broken, err
}

type sample struct{}

func (h sample) routes() []route {
	return []route{
		public("POST /identity/resources/echo/v1", 200, "Echo", op(h.echo)),
		public("POST /identity/resources/own/v1", 201, "Echo on a route of our own", op(h.echo)).own(),
		public("POST /identity/resources/many/v1", 200, "Echo a list", op(h.many)),
		public("POST /identity/resources/empty/v1", 200, "Take and answer nothing", op(h.nothing)),
		public("DELETE /identity/resources/empty/v1", 204, "Answer no body", op(h.nothing)),
		public("POST /identity/resources/cookie/v1", 200, "Set a cookie", flow(h.cookie)).limit("sign-in"),
		public("GET /identity/resources/list/v1", 200, "List", op(h.list)),
		public("GET /identity/resources/fail/v1/{how}", 200, "Fail", op(h.fail)),
		public("GET /identity/resources/nil/v1", 200, "Answer nil lists", op(h.nils)),
		management("GET /identity/resources/things/v1/{thingId}", 200, "Read a thing", op(h.one)),
		management("POST /identity/resources/tenants/v1/{tenantId}/things", 200, "Name a tenant twice", op(h.twice)),
		user("", "POST /identity/resources/mine/v1/{tenantId}/things", 200, "Name my tenant twice", op(h.twice)),
		user("", "GET /identity/resources/me/v1", 200, "Who am I", op(h.who)),
		user("", "PUT /identity/resources/me/v1", 200, "Act on myself", op(h.who)).self(),
		user("things.read", "GET /identity/resources/mine/v1", 200, "Read with a permission", op(h.who)),
		user("", "GET /identity/resources/any/v1", 200, "Read in any tenant", op(h.who)).anyTenant(),
		public("GET /auth/vendor", 200, "Outside the folders", op(h.nothing)),
	}
}

type echoIn struct {
	Name    string            `json:"name" minLength:"1" maxLength:"8"`
	Level   int               `json:"level,omitempty" min:"0" max:"32767"`
	Use     string            `json:"use,omitempty" enum:"A|B"`
	Flag    *bool             `json:"flag"`
	Email   string            `json:"email,omitempty" format:"email"`
	IDs     []string          `json:"ids,omitempty" minItems:"1" maxItems:"3" minLength:"2"`
	Items   []echoItem        `json:"items,omitempty"`
	Parent  opt[string]       `json:"parent,omitzero"`
	Free    json.RawMessage   `json:"free,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	Page    int               `query:"page" min:"1"`
	Hidden  string            `header:"x-hidden"`
	Choices []string          `query:"choices"`
	Yes     *bool             `query:"yes"`
}

type echoItem struct {
	Key string `json:"key"`
}

type echoOut struct {
	Name    string            `json:"name"`
	Level   int               `json:"level"`
	Flag    *bool             `json:"flag"`
	IDs     []string          `json:"ids"`
	Items   []echoItem        `json:"items"`
	Set     bool              `json:"set"`
	Null    bool              `json:"null"`
	Parent  string            `json:"parent"`
	Free    json.RawMessage   `json:"free,omitempty"`
	Labels  map[string]string `json:"labels"`
	Page    int               `json:"page"`
	Hidden  string            `json:"hidden"`
	Choices []string          `json:"choices"`
	Yes     *bool             `json:"yes"`
}

func (h sample) echo(_ context.Context, _ store.Principal, in echoIn) (echoOut, error) {
	return echoOut{
		Name: in.Name, Level: in.Level, Flag: in.Flag, IDs: in.IDs, Items: in.Items,
		Set: in.Parent.Set, Null: in.Parent.Null, Parent: in.Parent.Value, Free: in.Free, Labels: in.Labels,
		Page: in.Page, Hidden: in.Hidden, Choices: in.Choices, Yes: in.Yes,
	}, nil
}

func (h sample) many(_ context.Context, _ store.Principal, in struct {
	All []echoItem `body:"all" minItems:"1" maxItems:"2"`
}) ([]echoItem, error) {
	return in.All, nil
}

func (h sample) nothing(context.Context, store.Principal, none) (none, error) { return none{}, nil }

func (h sample) nils(context.Context, store.Principal, none) (listing[echoOut], error) {
	return listing[echoOut]{Items: []echoOut{{}}}, nil
}

func (h sample) cookie(c *call, _ none) (none, error) {
	c.clearCookie("__Host-gone")
	return none{}, nil
}

func (h sample) list(_ context.Context, _ store.Principal, in page) (listing[string], error) {
	p := in.store()
	return list(in, store.Listing[int]{Items: []int{p.Limit, p.Offset}, Total: 7, Next: in.After}, func(n int) string {
		return string(rune('a' + n%26))
	}), nil
}

func (h sample) fail(_ context.Context, _ store.Principal, in struct {
	How string `path:"how"`
}) (none, error) {
	switch in.How {
	case "panic":
		panic("secret text of a panic")
	case "internal":
		return none{}, errors.New("secret text of an error")
	case "wire":
		return none{}, &fault.Error{Code: fault.Invalid, Message: "locked", Wire: "ER-01034"}
	}
	return none{}, fault.New(fault.Code(in.How), "", "no")
}

type whoOut struct {
	Kind     store.Kind `json:"kind"`
	ID       string     `json:"id"`
	TenantID string     `json:"tenantId"`
	UserID   string     `json:"userId"`
	IP       string     `json:"ip"`
	Device   string     `json:"device"`
}

func (h sample) who(_ context.Context, by store.Principal, _ none) (whoOut, error) {
	return whoOut{by.Kind, by.ID, by.TenantID, by.UserID, by.IP, by.Device}, nil
}

func (h sample) one(ctx context.Context, by store.Principal, in struct {
	ID string `path:"thingId"`
}) (whoOut, error) {
	by.ID = in.ID
	return h.who(ctx, by, none{})
}

func (h sample) twice(ctx context.Context, by store.Principal, in struct {
	Path string `path:"tenantId" tenant:"true"`
	Body string `json:"tenantId,omitempty" tenant:"true"`
}) (whoOut, error) {
	return h.who(ctx, by, none{})
}
