package service

import "context"

// Lanes shows lanes to tests.
type Lanes struct{ lanes }

// Enter is lanes.enter.
func (s *Lanes) Enter(ctx context.Context, key string) (leave func(), err error) {
	return s.enter(ctx, key)
}

// Known is how many keys are remembered.
func (s *Lanes) Known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known)
}
