package style

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mapRules are about which room may see what.
func mapRules() []rule {
	return []rule{
		{"rooms", "the arrows of docs/architecture.md point one way", checkRooms},
		{"guests", "each package from outside has its rooms", checkGuests},
		{"slices", "a noun has the same file in every room", func(House, source, reporter) {}},
		{"packages", "one comment introduces a package", func(House, source, reporter) {}},
	}
}

func checkRooms(h House, s source, broken reporter) {
	allowed, known := h.Rooms[s.room]
	if !known {
		broken(s.file.Package, "room %s is not on the map", s.room)
	}
	for _, im := range s.file.Imports {
		name := strings.Trim(im.Path.Value, `"`)
		if name == h.Module {
			name += "/."
		}
		if room, ours := strings.CutPrefix(name, h.Module+"/"); ours && !slices.Contains(allowed, room) {
			broken(im.Pos(), "%s imports %s", s.room, room)
		}
	}
}

func checkGuests(h House, s source, broken reporter) {
	for _, im := range s.file.Imports {
		name := strings.Trim(im.Path.Value, `"`)
		for guest, hosts := range h.Guests {
			below := strings.HasSuffix(guest, "/") && strings.HasPrefix(name, guest)
			if (name == guest || below) && !slices.Contains(hosts, s.room) {
				broken(im.Pos(), "%s imports %s", s.room, name)
			}
		}
	}
}

// across finds what no single file shows.
func (h House) across(dir string, all []source) []Finding {
	return slices.Concat(missingSlices(dir, all), unintroduced(all), changed(all), h.composed(all), h.gone(dir))
}

// missingSlices keeps the slices whole: a contract XStore in store/x.go has its SQL in
// store/internal/sqlstore/x.go and its proof in store/storetest/x.go.
func missingSlices(dir string, all []source) []Finding {
	var found []Finding
	for _, s := range all {
		for name := range interfaces(s.file) {
			noun := strings.TrimSuffix(name, "Store")
			if s.room != "store" || noun == name || noun == "" {
				continue
			}
			for _, home := range homes(dir, strings.ToLower(noun)+".go") {
				found = append(found, Finding{"slices", s.path, 1, name + " has no " + home})
			}
		}
	}
	return found
}

// homes returns where a noun's file is missing.
func homes(dir, base string) []string {
	rooms := []string{"store/" + base, "store/internal/sqlstore/" + base, "store/storetest/" + base}
	return slices.DeleteFunc(rooms, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// unintroduced finds packages without a comment of their own, or with several.
func unintroduced(all []source) []Finding {
	var found []Finding
	said := map[string]int{}
	for _, s := range all {
		said[s.room] += 0
		if s.file.Doc == nil {
			continue
		}
		said[s.room]++
		want := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name != "main" && !strings.HasPrefix(s.file.Doc.Text(), want) {
			found = append(found, Finding{"packages", s.path, 1, "the package comment does not start with " + want})
		}
	}
	for room, n := range said {
		if n == 0 {
			found = append(found, Finding{"packages", room, 1, "no package comment"})
		}
		if n > 1 {
			found = append(found, Finding{"packages", room, 1, "several package comments"})
		}
	}
	return found
}

// changed finds assignments to package variables, by name: a local variable that shares the
// name of a package variable is worth renaming as well.
func changed(all []source) []Finding {
	vars := map[string]bool{}
	for _, s := range all {
		for v := range specs[*ast.ValueSpec](s.file) {
			for _, n := range v.Names {
				vars[s.room+"."+n.Name] = n.Name != "_"
			}
		}
	}
	var found []Finding
	for _, s := range all {
		ast.Inspect(s.file, func(n ast.Node) bool {
			for _, target := range targets(n) {
				if name := start(target); vars[s.room+"."+name] {
					found = append(found, Finding{"package variables", s.path, s.set.Position(n.Pos()).Line, name + " is assigned to"})
				}
			}
			return true
		})
	}
	return found
}

// gone keeps the lists of exceptions from outliving their files.
func (h House) gone(dir string) []Finding {
	var found []Finding
	for _, list := range []map[string]string{h.Solo, h.Rethrow, h.Queues, h.Builders} {
		for name := range list {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				found = append(found, Finding{"file names", name, 1, "listed as an exception, but not there"})
			}
		}
	}
	return found
}
