package storetest

import (
	"time"

	"kvasir/internal/llm"
)

func nodeTests() []namedTest {
	return []namedTest{
		{"ADutyHasOneHolder", dutyHasOneHolder},
		{"SharesLapse", sharesLapse},
	}
}

func dutyHasOneHolder(r *room) {
	ctx := r.Context()
	takes := func(holder string, length time.Duration, want bool) {
		r.Helper()
		if ok, err := r.s.TakeDuty(ctx, "webhooks", holder, length); err != nil || ok != want {
			r.Errorf("%s takes it: %v, %v; want %v", holder, ok, err, want)
		}
	}
	takes("a", time.Hour, true)
	takes("b", time.Hour, false)
	takes("a", time.Hour, true)
	if ok, err := r.s.TakeDuty(ctx, "other", "b", time.Hour); err != nil || !ok {
		r.Errorf("another duty: %v, %v", ok, err)
	}
	r.must(r.s.LeaveDuty(ctx, "webhooks", "b")) // who has nothing to leave
	takes("b", time.Hour, false)
	r.must(r.s.LeaveDuty(ctx, "webhooks", "a"))
	takes("b", -time.Second, true) // and is gone
	takes("a", time.Hour, true)
}

func sharesLapse(r *room) {
	ctx := r.Context()
	put := func(node string, share float64, length time.Duration) (others int) {
		r.must(r.s.ShareLanes(ctx, length, func(all []llm.LaneShare) []llm.LaneShare {
			others = len(all)
			return []llm.LaneShare{{Lane: "embed x/y", Node: node, Demand: 1.5, Share: share}}
		}))
		return others
	}
	put("a", 0.5, time.Hour)
	put("b", 0.25, -time.Second)
	put("a", 0.75, time.Hour)
	r.must(r.s.ShareLanes(ctx, time.Hour, func(all []llm.LaneShare) []llm.LaneShare {
		if len(all) != 1 || all[0].Node != "a" || all[0].Share != 0.75 || all[0].Demand != 1.5 || all[0].Lane != "embed x/y" {
			r.Errorf("shares %+v", all)
		}
		return nil
	}))
	r.must(r.s.LeaveLanes(ctx, "a"))
	if n := put("c", 1, time.Hour); n != 0 {
		r.Errorf("%d shares after the last was given back", n)
	}
}
