package servicebus

import (
	"net"
	"sync"
	"time"

	"cordon/local/internal/wire"
)

// outbox is what is still to be written to a connection. Putting something in never waits, so that the broker may do it
// with its lock held; one goroutine writes.
type outbox struct {
	mu     sync.Mutex
	data   []byte
	last   bool          // nothing is put in any more, and the connection ends when data is written
	filled chan struct{} // has a token when there is something to do
}

func newOutbox() *outbox { return &outbox{filled: make(chan struct{}, 1)} }

func (o *outbox) put(data []byte) {
	o.mu.Lock()
	if !o.last {
		o.data = append(o.data, data...)
	}
	o.mu.Unlock()
	o.signal()
}

func (o *outbox) frame(kind uint8, channel uint16, p wire.Performative) {
	o.mu.Lock()
	if !o.last {
		o.data = wire.AppendFrame(o.data, kind, channel, p)
	}
	o.mu.Unlock()
	o.signal()
}

// finish ends the connection after what is in the outbox now.
func (o *outbox) finish() {
	o.mu.Lock()
	o.last = true
	o.mu.Unlock()
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.filled <- struct{}{}:
	default:
	}
}

func (o *outbox) take(buffer []byte) (data []byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, o.data = o.data, buffer[:0]
	return data, o.last
}

// maxKeptBuffer is how large a buffer is kept for the next write; larger ones are left from a burst.
const maxKeptBuffer = 1 << 20

// write writes to w until the outbox is finished, stop is closed or w fails. It writes a keep-alive after every silence
// as long as heartbeat tells; heartbeat is sent at most once.
func (o *outbox) write(w net.Conn, heartbeat <-chan time.Duration, stop <-chan struct{}) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	var buffer []byte
	var beating <-chan time.Time
	for {
		select {
		case <-stop:
			return
		case every := <-heartbeat:
			ticker.Reset(every)
			beating = ticker.C
		case <-beating:
			o.frame(wire.TypeAMQP, 0, nil)
		case <-o.filled:
			data, last := o.take(buffer)
			if len(data) > 0 {
				if _, err := w.Write(data); err != nil {
					return
				}
			}
			if last {
				return
			}
			if buffer = data; cap(buffer) > maxKeptBuffer {
				buffer = nil
			}
		}
	}
}
