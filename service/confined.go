package service

import "slices"

// confine returns those of the tenants that a session may act in: all, or the one that it is
// confined to. The result shares the memory of ids.
func confine(ids []string, only string) []string {
	if only == "" {
		return ids
	}
	i := slices.Index(ids, only)
	if i < 0 {
		return nil
	}
	return ids[i : i+1 : i+1]
}
