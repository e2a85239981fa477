package config_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAddressRates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environ []string
		want    [2]int
	}{
		{nil, [2]int{0, 0}},
		{[]string{"ENABLE_SECURITY_SETTINGS=true"}, [2]int{1000, 100}},
		{[]string{"ENABLE_SECURITY_SETTINGS=true", "KVASIR_ADDRESS_RATE=7"}, [2]int{7, 100}},
		{[]string{"ENABLE_SECURITY_SETTINGS=false", "KVASIR_ADDRESS_QUESTION_RATE=8"}, [2]int{0, 8}},
		{[]string{"KVASIR_ADDRESS_RATE=7", "KVASIR_ADDRESS_QUESTION_RATE=8"}, [2]int{7, 8}},
	} {
		var got [2]int
		if got[0], got[1] = mustParse(t, tt.environ).AddressRates(); got != tt.want {
			t.Errorf("with %v: %v, want %v", tt.environ, got, tt.want)
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, []string{"KVASIR_TRUSTED_PROXIES=10.0.0.0/8, ::1", "KVASIR_STALL_TIMEOUT=1s"})
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if diff := cmp.Diff(want, cfg.Proxies(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("proxies (-want +got):\n%s", diff)
	}
	if cfg.StallTimeout != time.Second || cfg.HeaderTimeout != 10*time.Second || cfg.IdleTimeout != 2*time.Minute {
		t.Errorf("%+v", cfg.Clients)
	}
	for variable, value := range map[string]string{
		"KVASIR_TRUSTED_PROXIES": "proxy.example.com", "KVASIR_ADDRESS_RATE": "-1", "KVASIR_ADDRESS_QUESTION_RATE": "-1",
		"KVASIR_KEY_RATE": "-1", "KVASIR_KEY_QUESTION_RATE": "-1", "KVASIR_HEADER_TIMEOUT": "0s",
		"KVASIR_STALL_TIMEOUT": "0s", "KVASIR_IDLE_TIMEOUT": "0s", "KVASIR_MAX_CONNECTIONS": "0",
	} {
		if _, _, err := parse(t, []string{variable + "=" + value}); !strings.Contains(fmt.Sprint(err), variable) {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
}
