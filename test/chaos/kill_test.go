package chaos

import (
	"math/rand/v2"
	"testing"
	"time"

	"kvasir/internal/provider/providertest"
	"kvasir/internal/testenv"
)

// Kill -9 at random instants loses nothing, doubles nothing, and buys again no more
// than what was on its way.
func TestKilled(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		killed(t)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		killed(t, "DATABASE_URL="+testenv.Postgres(t).Database(t))
	})
}

func killed(t *testing.T, more ...string) {
	t.Helper()
	provider, environment := seller(t, unhurried())
	n := newNode(t, append(environment, more...)...)
	l := newLedger()
	crowd := send(t, l, 6, 0, n)
	onTheWay := 0
	for range *rounds {
		rest(time.Duration(rand.Int64N(int64(time.Second))))
		onTheWay += n.kill(t, provider)
		n.start(t)
	}
	crowd.home()
	crowd.complaints(t)
	provider.Behave(providertest.Behaviour{})
	p, _ := n.now()
	invariants(t, p, l)
	bought(t, provider, onTheWay)
}

// bought fails the test if more was bought again than was on its way at the kills.
func bought(t *testing.T, provider *providertest.Server, onTheWay int) {
	t.Helper()
	totals := provider.Totals(providertest.Embed)
	t.Logf("%d texts sold, %d of them again; %d were on their way at the kills", totals.Served, totals.Duplicates, onTheWay)
	// What was answered a moment before a kill is not stored yet on a busy machine.
	const slice = 64 // texts that are stored together
	if totals.Duplicates > onTheWay+slice {
		t.Errorf("%d texts were bought again, %d were on their way at the kills", totals.Duplicates, onTheWay)
	}
}
