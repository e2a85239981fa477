package fetch

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"kvasir/internal/fault"
)

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1.1.1.1": true, "93.184.216.34": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true,
		"100.128.0.0": true, "198.17.255.255": true, "223.255.255.255": true, "2606:4700::1111": true,
		"64:ff9b::101:101": true, // 1.1.1.1 for a network without IPv4

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.100.100.200": false,
		"127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false, "172.16.0.1": false,
		"172.31.255.255": false, "192.0.0.192": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false,
		"198.18.0.1": false, "198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false,
		"239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false, "168.63.129.16": false,

		"::": false, "::1": false, "::7f00:1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false,
		"::ffff:0:127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2002:808:808::": false, "2001::1": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false,
		"2001:db8::1": false, "3fff::1": false, "fc00::1": false, "fd00:ec2::254": false, "fe80::1": false,
		"fec0::1": false, "ff02::1": false, "100::1": false, "5f00::1": false,
	} {
		if got := New(Options{}).reachable(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is reachable: %v, want %v", text, got, want)
		}
	}
}

func FuzzEveryFormOfAnAddressIsJudgedAlike(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{8, 8, 8, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 4 {
			return
		}
		v4 := netip.AddrFrom4([4]byte(b))
		wide := [16]byte{0: 0, 1: 0x64, 2: 0xff, 3: 0x9b}
		copy(wide[12:], b)
		want := New(Options{}).reachable(v4)
		for _, ip := range []netip.Addr{netip.AddrFrom16(v4.As16()), netip.AddrFrom16(wide)} {
			if New(Options{}).reachable(ip) != want {
				t.Errorf("%v is judged unlike %v", ip, v4)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct{ url, want string }{
		{"https://example.com", ""},
		{"http://example.com:8080/a?b=c#d", ""},
		{"https://EXAMPLE.com./", ""},
		{"https://1.1.1.1/", ""},
		{"https://[2606:4700::1111]/", ""},
		{"https://münchen.example/straße", ""},
		{"https://3com.com", ""},

		{"", "Not a web address"},
		{"example.com", "Not a web address"},
		{"https://", "Not a web address"},
		{"https://:80/", "Not a web address"},
		{"mailto:a@example.com", "Not a web address"},
		{"http://a b.com/", "Not a web address"},
		{"http://example.com/\n", "Not a web address"},
		{"http://[::1", "Not a web address"},
		{"https://example.com/" + strings.Repeat("x", maxURL), "At most 2048"},
		{"ftp://example.com/", "Only http and https"},
		{"file:///etc/passwd", "Not a web address"},
		{"gopher://example.com:70/", "Only http and https"},
		{"https://me:secret@example.com/", "user name or password"},
		{"https://me@example.com/", "user name or password"},
		{"http://example.com:22/", "Port 22"},
		{"http://example.com:25/", "Port 25"},
		{"http://example.com:0/", "Port 0"},
		{"http://example.com:99999/", "Port 99999"},
		{"http://127.0.0.1/", "127.0.0.1 is not on the public internet"},
		{"http://[::1]/", "not on the public internet"},
		{"http://[::ffff:10.0.0.1]/", "not on the public internet"},
		{"http://[fe80::1%25eth0]/", "not on the public internet"},
		{"http://169.254.169.254/latest/meta-data/", "not on the public internet"},
		{"http://2130706433/", "not on the public internet"},
		{"http://0x7f.1/", "not on the public internet"},
		{"http://0x7f000001/", "not on the public internet"},
		{"http://0177.0.0.01/", "not on the public internet"},
		{"http://127.1/", "not on the public internet"},
		{"http://99999999999999999999999/", "not on the public internet"},
		{"http://localhost/", "not on the public internet"},
		{"http://LOCALHOST./", "not on the public internet"},
		{"http://a.localhost:8080/", "not on the public internet"},
		{"http://printer.local/", "not on the public internet"},
		{"http://metadata.google.internal/", "not on the public internet"},
		{"http://router.home.arpa/", "not on the public internet"},
		{"http://redis:6379/", "not on the public internet"},
	}
	c := New(Options{})
	for _, tt := range tests {
		err := c.Check(tt.url)
		if tt.want == "" {
			if err != nil {
				t.Errorf("Check(%q) = %v, want nothing", tt.url, err)
			}
			continue
		}
		wantFault(t, err, fault.Invalid, tt.want)
		if !strings.HasPrefix(fault.Message(err), "url: ") {
			t.Errorf("Check(%q) = %q, want the field named", tt.url, fault.Message(err))
		}
	}
}

func FuzzCheckedAddressesAreWhatTheySay(f *testing.F) {
	for _, seed := range []string{"https://example.com/", "http://[::1]:80", "http://a@b", "http://１２７.0.0.1/"} {
		f.Add(seed)
	}
	c := New(Options{})
	f.Fuzz(func(t *testing.T, text string) {
		u, err := c.parse(text)
		if err != nil {
			return
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != u.Host || u.User != nil || !strings.HasPrefix(u.Scheme, "http") {
			t.Errorf("%q became %q (%v)", text, u, err)
		}
	})
}

func TestNamesThatLeadInsideAreNotDialled(t *testing.T) {
	t.Parallel()
	server, hits := serve(t, func(http.ResponseWriter, *http.Request) {})
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	names := zone{
		"inside.example":   {{"127.0.0.1"}},
		"mapped.example":   {{"::ffff:127.0.0.1"}},
		"six.example":      {{"::1"}},
		"metadata.example": {{"169.254.169.254"}},
		"rebind.example":   {{"127.0.0.1"}},
	}
	c := client(t, Options{}, names)
	for name := range names {
		_, _, err := load(t, c, "http://"+name+port)
		wantFault(t, err, fault.Invalid, "url: "+name+" is not on the public internet")
		if strings.Contains(fault.Message(err), "127.0.0.1") {
			t.Errorf("%q tells where the name leads", fault.Message(err))
		}
		if _, _, err := c.Post(t.Context(), "http://"+name+port, http.Header{}, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("Post to %s: %v", name, err)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("the server inside got %d requests", hits.Load())
	}
}

// The name leads to an allowed address when it is asked for first, and elsewhere
// when the redirect asks again.
func TestEveryConnectionIsJudgedAnew(t *testing.T) {
	t.Parallel()
	server, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	c := client(t, Options{Allow: loopback}, zone{"rebind.example": {{"127.0.0.1"}, {"127.0.0.2"}}})
	_, _, err := load(t, c, "http://rebind.example"+port)
	wantFault(t, err, fault.Invalid, "rebind.example is not on the public internet")
	if hits.Load() != 1 {
		t.Errorf("%d requests arrived, want the first alone", hits.Load())
	}
}
