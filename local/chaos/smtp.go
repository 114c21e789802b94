package chaos

import (
	"bufio"
	"bytes"
	"net"
	"strings"
)

// smtpProxy stands between one process and the mail server. It knows the conversation well enough to tell commands from
// content, and it keeps one step at a time, as clients without pipelining do.
type smtpProxy struct {
	side
	server string // address
	// unheard is told of the content of a mail that the server has answered and whose client left before it heard so:
	// killed, cut off, or out of patience.
	unheard func(content []byte)
}

func (p *smtpProxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	c := &smtpConn{
		client:     client,
		server:     server,
		fromClient: bufio.NewReader(client),
		fromServer: bufio.NewReader(server),
	}
	if c.answer(true) != nil { // the greeting
		return
	}
	var content []byte // that was answered last
	for {
		step, err := c.command()
		if err != nil {
			p.left(content)
			return
		}
		kind := p.pass(SMTP)
		if kind == Before {
			p.left(content)
			p.strike()
			reset(client)
			return
		}
		if _, err := server.Write(step); err != nil {
			return
		}
		content = nil
		if c.asked == "" {
			content = step
		}
		if c.answer(kind == "") != nil {
			p.left(content)
			return
		}
		if kind != "" {
			p.left(content)
			p.strike()
			reset(client)
			return
		}
	}
}

// left is called when the client is gone, with the content of the mail that it had sent right before.
func (p *smtpProxy) left(content []byte) {
	if content != nil {
		p.unheard(content)
	}
}

// smtpConn is one conversation.
type smtpConn struct {
	client, server         net.Conn
	fromClient, fromServer *bufio.Reader
	asked                  string // the command before, in capitals; empty after the content of a mail
	content                bool   // the content of a mail comes next
}

// command reads what the client says next: a command, or the content of a mail to its end.
func (c *smtpConn) command() ([]byte, error) {
	var step []byte
	for {
		line, err := c.fromClient.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		step = append(step, line...)
		if !c.content {
			verb, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
			c.asked = strings.ToUpper(verb)
			return step, nil
		}
		if bytes.Equal(line, []byte(".\r\n")) {
			c.asked = ""
			return step, nil
		}
	}
}

// answer reads the server's answer, which may have several lines, and passes it on if it is meant to arrive.
func (c *smtpConn) answer(passOn bool) error {
	var all []byte
	for {
		line, err := c.fromServer.ReadBytes('\n')
		if err != nil {
			return err
		}
		all = append(all, line...)
		if len(line) < 4 || line[3] != '-' {
			break
		}
	}
	c.content = c.asked == "DATA" && all[0] == '3'
	if !passOn {
		return nil
	}
	_, err := c.client.Write(all)
	return err
}
