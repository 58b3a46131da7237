package service

import (
	"context"
	"sync"
)

// lanes let callers through one at a time for each key. Nobody waits for another key's sake.
type lanes struct {
	mu    sync.Mutex
	known map[string]*lane
}

// A lane is known while somebody is in it or waits for it.
type lane struct {
	turn    chan struct{}
	callers int
}

// enter waits for a turn and returns what gives it to the next. A caller whose ctx ends
// before holds nothing.
func (s *lanes) enter(ctx context.Context, key string) (leave func(), err error) {
	l := s.join(key)
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; s.part(key, l) }, nil
	case <-ctx.Done():
		s.part(key, l)
		return nil, ctx.Err()
	}
}

func (s *lanes) join(key string) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.known[key]
	if l == nil {
		l = &lane{turn: make(chan struct{}, 1)}
		if s.known == nil {
			s.known = map[string]*lane{}
		}
		s.known[key] = l
	}
	l.callers++
	return l
}

func (s *lanes) part(key string, l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.callers--; l.callers == 0 {
		delete(s.known, key)
	}
}
