package transfer

import (
	"context"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// eventVersion names the client in traces. Servers know the versions of Rucio; ours says which of them we equal.
const eventVersion = "41.5.1"

// traceTimeout is how long a trace may take: transfers do not fail for the sake of statistics.
const traceTimeout = 30 * time.Second

// send posts a trace. As in Python's clients, one that does not arrive is no failure of the transfer.
func (m *Mover) send(ctx context.Context, c *rucio.Client, trace map[string]any) {
	if m.setup.NoTraces {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceTimeout) // a cancelled transfer is told of too
	defer cancel()
	if err := c.SendTrace(ctx, trace); err != nil {
		m.setup.Log.DebugContext(ctx, "a trace was not sent", "error", err)
	}
}

// seconds is a time as traces have it: seconds since 1970 with fractions, as Python's time.time() gives them.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
