package main

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A report belongs to one company.
type report struct {
	ID         string    `json:"id"`
	Title      string    `json:"title"`
	Author     string    `json:"author"`
	ApprovedBy string    `json:"approvedBy,omitempty"`
	CreatedAt  time.Time `json:"createdAt"`
}

// reports are the app's own records, by tenant. They live in memory: the example is about
// who may do what with them.
type reports struct {
	now      func() time.Time
	mu       sync.Mutex
	last     int
	byTenant map[string][]report
}

var (
	errNoReport = errors.New("no such report")
	errTitle    = errors.New("a report needs a title of at most 200 characters")
)

// list returns the reports of a tenant, oldest first. A new tenant has two to look at.
func (s *reports) list(tenant string) []report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.welcome(tenant)
	return append([]report{}, s.byTenant[tenant]...)
}

func (s *reports) welcome(tenant string) {
	if _, known := s.byTenant[tenant]; known {
		return
	}
	s.add(tenant, report{Title: "Revenue by region, third quarter", Author: "Acme Reports", ApprovedBy: "Acme Reports"})
	s.add(tenant, report{Title: "Customers at risk of leaving", Author: "Acme Reports"})
}

func (s *reports) add(tenant string, r report) report {
	s.last++
	r.ID, r.CreatedAt = strconv.Itoa(s.last), s.now().UTC()
	s.byTenant[tenant] = append(s.byTenant[tenant], r)
	return r
}

func (s *reports) create(tenant, title, author string) (report, error) {
	title = strings.TrimSpace(title)
	if title == "" || len([]rune(title)) > 200 {
		return report{}, errTitle
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.welcome(tenant)
	return s.add(tenant, report{Title: title, Author: author}), nil
}

// approve marks a report of the tenant; another tenant's is not there.
func (s *reports) approve(tenant, id, by string) (report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.byTenant[tenant] {
		if r.ID == id {
			r.ApprovedBy = by
			s.byTenant[tenant][i] = r
			return r, nil
		}
	}
	return report{}, errNoReport
}
