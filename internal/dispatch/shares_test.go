package dispatch

import (
	"fmt"
	"testing"
)

func TestSharesForgetWhomTheyOweNothing(t *testing.T) {
	t.Parallel()
	s := newShares(nil)
	debtor := s.book("debtor", 1<<20)
	for i := range 10 * forgetAbove {
		s.pass(s.book(fmt.Sprint("tenant ", i), 1))
		s.pass(float64(i))
	}
	if n := len(s.served); n > 2*forgetAbove {
		t.Errorf("%d tenants are remembered", n)
	}
	if next := s.next("debtor"); next != debtor+1<<20 {
		t.Errorf("a tenant who is ahead was forgotten: next turn %v", next)
	}
}

func TestSharesGiveBack(t *testing.T) {
	t.Parallel()
	s := newShares(nil)
	first, second := s.book("p", 10), s.book("p", 5)
	s.giveBack("p", first, 10) // not the last: others are booked behind it
	if next := s.next("p"); next != 15 {
		t.Errorf("next turn %v, want 15", next)
	}
	s.giveBack("p", second, 5)
	if next := s.next("p"); next != 10 {
		t.Errorf("next turn %v, want 10", next)
	}
}
