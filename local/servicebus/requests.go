package servicebus

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/go-amqp"
)

// reply is the answer of $cbs or $management to a request. Statuses are those of HTTP.
type reply struct {
	status    int32
	text      string
	condition amqp.ErrCond // empty for success
	value     any
}

func ok(value any) reply { return reply{status: http.StatusOK, text: "OK", value: value} }

func bad(format string, args ...any) reply {
	return reply{status: http.StatusBadRequest, text: fmt.Sprintf(format, args...), condition: "com.microsoft:argument-error"}
}

// request does what a request asks for and sends the answer, if the request says where to.
func (c *conn) request(l *link, m *amqp.Message) {
	operation, _ := m.ApplicationProperties["operation"].(string)
	var r reply
	if l.entity == "" {
		r = c.token(operation, m)
	} else {
		r = c.manage(l.entity, operation, m)
	}
	if m.Properties == nil || m.Properties.ReplyTo == nil {
		return
	}
	back := c.replies[*m.Properties.ReplyTo]
	if back == nil {
		return
	}
	if data, err := r.encode(m.Properties.MessageID); err == nil {
		back.answer(data)
	}
}

func (r reply) encode(correlation any) ([]byte, error) {
	out := &amqp.Message{
		Properties:            &amqp.MessageProperties{CorrelationID: correlation},
		ApplicationProperties: map[string]any{"status-code": r.status, "status-description": r.text},
		Value:                 r.value,
	}
	if r.condition != "" {
		out.ApplicationProperties["error-condition"] = string(r.condition)
	}
	if r.value == nil {
		out.Value = amqp.Null{}
	}
	return out.MarshalBinary()
}

// Token types, "AMQP Claims-Based-Security in Azure Service Bus" on learn.microsoft.com.
const (
	tokenSAS = "servicebus.windows.net:sastoken"
	tokenJWT = "jwt"
)

// token answers $cbs: a put-token lets the connection use the entity that it names.
func (c *conn) token(operation string, m *amqp.Message) reply {
	if operation != "put-token" {
		return reply{status: http.StatusNotImplemented, text: fmt.Sprintf("the operation %q is not supported", operation), condition: amqp.ErrCondNotImplemented}
	}
	kind, _ := m.ApplicationProperties["type"].(string)
	audience, _ := m.ApplicationProperties["name"].(string)
	secret, _ := m.Value.(string)
	if err := c.server.checkToken(kind, secret); err != nil {
		return reply{status: http.StatusUnauthorized, text: err.Error(), condition: amqp.ErrCondUnauthorizedAccess}
	}
	u, err := url.Parse(audience)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return bad("the audience %q names no entity", audience)
	}
	path := strings.ToLower(strings.Trim(u.Path, "/"))
	if entity := strings.TrimSuffix(path, "/$management"); !c.server.broker.exists(entity) {
		e := noEntity(audience)
		return reply{status: http.StatusNotFound, text: e.Description, condition: amqp.ErrCondNotFound}
	}
	c.grants[path] = struct{}{}
	return reply{status: http.StatusAccepted, text: "Accepted"}
}
