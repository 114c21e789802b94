package servicebus

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"cordon/local/internal/wire"

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
	return reply{
		status:    http.StatusBadRequest,
		text:      fmt.Sprintf(format, args...),
		condition: "com.microsoft:argument-error",
	}
}

// request does what a request asks for and sends the answer, if the request says where to.
func (c *conn) request(l *link, m *wire.Message) {
	operation, _ := m.ApplicationProperties.Text()["operation"].(string)
	var r reply
	keys := managementKeys
	if l.entity == "" {
		r, keys = c.token(operation, m), claimKeys
	} else {
		r = c.manage(l.entity, operation, m)
	}
	if back := c.replies[m.Properties.Text(wire.PropertyReplyTo)]; back != nil {
		back.answer(r.encode(keys, m.Properties.At(wire.PropertyMessageID)))
	}
}

// replyKeys are the names that an answer gives status, text and condition.
type replyKeys struct{ status, text, condition string }

// The two nodes name them differently, "AMQP Claims-based Security" of OASIS and "AMQP 1.0 in Azure Service Bus:
// request-response-based operations". The vendor's client for .NET reads no others.
var (
	claimKeys      = replyKeys{"status-code", "status-description", "error-condition"}
	managementKeys = replyKeys{"statusCode", "statusDescription", "errorCondition"}
)

func (r reply) encode(keys replyKeys, correlation any) []byte {
	properties := make(wire.Properties, wire.PropertyCorrelationID+1)
	properties[wire.PropertyCorrelationID] = correlation
	out := &wire.Message{Properties: &properties, Body: wire.ValueBody(r.value),
		ApplicationProperties: wire.Map{{Key: keys.status, Value: r.status}, {Key: keys.text, Value: r.text}}}
	if r.condition != "" {
		condition := wire.Pair{Key: keys.condition, Value: wire.Symbol(r.condition)}
		out.ApplicationProperties = append(out.ApplicationProperties, condition)
	}
	return out.Append(nil)
}

// Token types, "AMQP Claims-Based-Security in Azure Service Bus" on learn.microsoft.com.
const (
	tokenSAS = "servicebus.windows.net:sastoken"
	tokenJWT = "jwt"
)

// token answers $cbs: a put-token lets the connection use the entity that it names.
func (c *conn) token(operation string, m *wire.Message) reply {
	if operation != "put-token" {
		return reply{
			status:    http.StatusNotImplemented,
			text:      fmt.Sprintf("the operation %q is not supported", operation),
			condition: amqp.ErrCondNotImplemented,
		}
	}
	asked := m.ApplicationProperties.Text()
	kind, _ := asked["type"].(string)
	audience, _ := asked["name"].(string)
	secret, _ := m.Value().(string)
	u, err := url.Parse(audience)
	if err != nil || entityPath(u.Path) == "" {
		return bad("the audience %q names no entity", audience)
	}
	path := strings.ToLower(entityPath(u.Path))
	if err := c.server.checkToken(kind, secret, path); err != nil {
		return reply{status: http.StatusUnauthorized, text: err.Error(), condition: amqp.ErrCondUnauthorizedAccess}
	}
	if entity := strings.TrimSuffix(path, "/$management"); !c.server.broker.exists(entity) {
		e := noEntity(audience)
		return reply{status: http.StatusNotFound, text: e.Description, condition: amqp.ErrCondNotFound}
	}
	c.grants[path] = struct{}{}
	return reply{status: http.StatusAccepted, text: "Accepted"}
}
