package chaos

import (
	"bytes"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// side is the one process that uses a proxy: how its gate counts it and how it is killed.
type side struct {
	gate     *gate
	function string // one of the functions of the process
	instance int
}

func (s side) pass(b Boundary) Kind { return s.gate.pass(Site{b, s.function}) }

func (s side) strike() { s.gate.strike(s.function, s.instance) }

// httpProxy stands between one process and a stand-in that speaks HTTP.
type httpProxy struct {
	side
	boundary Boundary
	next     http.Handler
}

func (p *httpProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := p.pass(p.boundary)
	if kind == "" {
		p.next.ServeHTTP(w, r)
		return
	}
	if kind != Before {
		p.next.ServeHTTP(httptest.NewRecorder(), r)
	}
	p.strike()
	breakOff(w)
}

// breakOff resets a request's connection, as a network does when it loses an answer.
func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // net/http then closes it
	}
	reset(conn)
}

// reset closes a connection without a goodbye.
func reset(conn net.Conn) {
	plain := conn
	if secured, ok := conn.(*tls.Conn); ok {
		plain = secured.NetConn()
	}
	if tcp, ok := plain.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the other side would see an orderly end
	}
	_ = plain.Close()
}

// serveHTTP serves until the returned function is called. Over TLS it speaks HTTP/1.1 alone, where an answer is lost
// with its connection.
func serveHTTP(listener net.Listener, handler http.Handler, secure *tls.Config) (stop func()) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(new(bytes.Buffer), "", 0),
		TLSConfig:         secure,
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if secure != nil {
			_ = server.ServeTLS(listener, "", "") // ends with the server
			return
		}
		_ = server.Serve(listener) // ends with the server
	}()
	return func() { _ = server.Close(); <-done }
}
