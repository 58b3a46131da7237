package service_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestCategoriesCreate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, tt := range []struct {
		name string
		by   store.Principal
		in   service.NewCategory
		want fault.Code
	}{
		{"made id", host, service.NewCategory{Name: "Reports", Description: "All about them"}, ""},
		{"chosen id", host, service.NewCategory{ID: "billing", Name: "Billing"}, ""},
		{"name taken", host, service.NewCategory{Name: "Reports"}, fault.Conflict},
		{"id taken", host, service.NewCategory{ID: "billing", Name: "Other"}, fault.Conflict},
		{"case counts", host, service.NewCategory{Name: "reports"}, ""},
		{"no name", host, service.NewCategory{}, fault.Invalid},
		{"long name", host, service.NewCategory{Name: strings.Repeat("n", 256)}, fault.Invalid},
		{"bad id", host, service.NewCategory{ID: "a/b", Name: "Other"}, fault.Invalid},
		{"by a user", user([]int{0}, "*"), service.NewCategory{Name: "Other"}, fault.Forbidden},
	} {
		g, err := c.Categories.Create(t.Context(), tt.by, tt.in)
		if code(err) != tt.want {
			t.Errorf("%s: Create = %v, want %q", tt.name, err, tt.want)
		}
		if err == nil && (g.ID == "" || tt.in.ID != "" && g.ID != tt.in.ID) {
			t.Errorf("%s: Create = %+v, want the id asked for", tt.name, g)
		}
		if tt.want == fault.Conflict && !strings.Contains(err.Error(), "already exist") {
			t.Errorf("%s: Create = %q, want a message that programs know", tt.name, err)
		}
	}
}

func TestCategoriesUpdate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, id := range []string{"one", "two"} {
		if _, err := c.Categories.Create(t.Context(), host, service.NewCategory{ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, id string
		c        service.CategoryChange
		want     fault.Code
	}{
		{"description", "one", service.CategoryChange{Description: ptr("First")}, ""},
		{"same name", "one", service.CategoryChange{Name: ptr("one")}, ""},
		{"name taken", "one", service.CategoryChange{Name: ptr("two")}, fault.Conflict},
		{"no name", "one", service.CategoryChange{Name: ptr("")}, fault.Invalid},
		{"unknown", "three", service.CategoryChange{}, fault.NotFound},
	} {
		if _, err := c.Categories.Update(t.Context(), host, tt.id, tt.c); code(err) != tt.want {
			t.Errorf("%s: Update = %v, want %q", tt.name, err, tt.want)
		}
	}
	if g, err := c.db.Category(t.Context(), "one"); err != nil || g.Name != "one" || g.Description != "First" {
		t.Errorf("stored %+v, %v; want the description alone changed", g, err)
	}
}

func TestCategoriesDelete(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	g, err := c.Categories.Create(t.Context(), host, service.NewCategory{Name: "Reports"})
	if err != nil {
		t.Fatal(err)
	}
	p := c.permission(t, "reports.read")
	if _, err := c.Permissions.Update(t.Context(), host, p.ID, service.PermissionChange{CategoryID: &g.ID}); err != nil {
		t.Fatal(err)
	}
	if err := c.Categories.Delete(t.Context(), host, g.ID); err != nil {
		t.Fatal(err)
	}
	if p, err := c.db.Permission(t.Context(), p.ID); err != nil || p.CategoryID != "" {
		t.Errorf("its permission is %+v, %v; want it in no category", p, err)
	}
	if err := c.Categories.Delete(t.Context(), host, g.ID); code(err) != fault.NotFound {
		t.Errorf("Delete again = %v, want not found", err)
	}
}
