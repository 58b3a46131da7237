package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"sync"
)

// maxPrepared bounds the statements that a connection keeps.
const maxPrepared = 256

// varied begins a query whose text depends on what was asked for: it is not worth keeping.
const varied = `/* varied */ `

// A writer is the one connection that writes. Only the holder of the baton uses it.
type writer struct {
	pool *sql.DB
	keep bool // hold the connection between transactions, and its prepared statements

	mu     sync.Mutex // guards conn against close
	closed bool
	conn   *sql.Conn

	statements map[string]*sql.Stmt // of conn
}

// ExecContext implements execer.
func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := w.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return w.conn.ExecContext(ctx, query, args...)
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext implements execer.
func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := w.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return w.conn.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

// prepare returns the prepared statement of query, or nil where none is to be kept.
func (w *writer) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	s := w.statements[query]
	if s != nil || !w.keep || len(w.statements) >= maxPrepared || strings.HasPrefix(query, varied) {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.statements[query] = s
	}
	return s, err
}

// begin opens a transaction that may write from its first statement on: one that began by
// reading could lose its right to write to another process.
func (w *writer) begin(ctx context.Context) error {
	if err := w.acquire(ctx); err != nil {
		return err
	}
	_, err := w.ExecContext(ctx, `begin immediate`)
	if err != nil {
		w.drop()
	}
	return err
}

func (w *writer) commit() error {
	err := w.do(`commit`)
	if err != nil {
		w.rollback()
		return err
	}
	w.release()
	return nil
}

// rollback ends the transaction, which the database may have ended already.
func (w *writer) rollback() {
	w.do(`rollback`)
	w.release()
}

func (w *writer) do(query string) error {
	_, err := w.ExecContext(context.Background(), query)
	return err
}

func (w *writer) acquire(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		conn.Close()
		return sql.ErrConnDone
	}
	w.conn, w.statements = conn, map[string]*sql.Stmt{}
	return nil
}

func (w *writer) release() {
	if w.keep {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// drop gives up a connection on which no transaction begins; the next one is new.
func (w *writer) drop() {
	if w.keep {
		w.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.Close()
	w.conn = nil
}

func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.conn == nil || !w.keep {
		w.closed = true
		return nil
	}
	w.closed = true
	return w.conn.Close()
}

// prepared is a pool that keeps statements prepared on its connections.
type prepared struct {
	pool       *sql.DB
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
}

// ExecContext implements execer.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.pool.ExecContext(ctx, query, args...)
}

// QueryContext implements execer.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return p.pool.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

func (p *prepared) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.RLock()
	s, n := p.statements[query], len(p.statements)
	p.mu.RUnlock()
	if s != nil || n >= maxPrepared || strings.HasPrefix(query, varied) {
		return s, nil
	}
	s, err := p.pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.statements[query]; first != nil {
		s.Close()
		return first, nil
	}
	if p.statements == nil {
		p.statements = map[string]*sql.Stmt{}
	}
	p.statements[query] = s
	return s, nil
}
