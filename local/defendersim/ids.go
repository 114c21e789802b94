package defendersim

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
)

// idSource makes ids that a seed determines.
type idSource struct {
	mu     sync.Mutex
	random *rand.Rand
}

func newIDSource(seed uint64) *idSource {
	return &idSource{random: rand.New(rand.NewPCG(seed, 0xdefe4de4))}
}

// guid has the form of a random UUID.
func (i *idSource) guid() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], i.random.Uint64())
	binary.BigEndian.PutUint64(b[8:], i.random.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// alert is an id of the form that alerts have.
func (i *idSource) alert() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return fmt.Sprintf("da6389%014d_%d", i.random.Int64N(1e14), int32(i.random.Uint32()))
}
