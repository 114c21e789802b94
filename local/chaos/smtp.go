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
}

func (p *smtpProxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	c := &smtpConn{client: client, server: server, fromClient: bufio.NewReader(client), fromServer: bufio.NewReader(server)}
	if c.answer(true) != nil { // the greeting
		return
	}
	for {
		step, err := c.command()
		if err != nil {
			return
		}
		kind := p.pass(SMTP)
		if kind == Before {
			p.strike()
			reset(client)
			return
		}
		if _, err := server.Write(step); err != nil {
			return
		}
		if c.answer(kind == "") != nil {
			return
		}
		if kind != "" {
			p.strike()
			reset(client)
			return
		}
	}
}

// smtpConn is one conversation.
type smtpConn struct {
	client, server         net.Conn
	fromClient, fromServer *bufio.Reader
	asked                  string // the command before, in capitals
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
