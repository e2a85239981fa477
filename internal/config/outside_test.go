package config_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kvasir/internal/config"
)

// keys are what somebody has in the environment for other programs.
var keys = []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=topsecret", "AWS_REGION=eu-north-1"}

func TestABucketIsUsedWhenItIsNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environ []string
		want    string
	}{
		{nil, config.Disk},
		{keys, config.Disk},
		{append(keys, "S3_BUCKET_NAME=b"), config.S3},
		{append(keys, "KVASIR_S3_BUCKET=b"), config.S3},
		{append(keys, "KVASIR_S3_BUCKET=b", "KVASIR_BLOB=disk"), config.Disk},
		{[]string{"S3_BUCKET_NAME=b", "KVASIR_BLOB=disk"}, config.Disk},
	} {
		if got := mustParse(t, tt.environ).Place(); got != tt.want {
			t.Errorf("with %v originals are kept at %s, want %s", tt.environ, got, tt.want)
		}
	}
}

func TestABucketsOptionsAreSkaldsOrOurOwn(t *testing.T) {
	t.Parallel()
	get := func(environ ...string) string {
		o := mustParse(t, append(keys, environ...)).Originals
		return fmt.Sprintln(o.S3Bucket, o.S3Region, o.S3AccessKey.Reveal(), o.S3SecretKey.Reveal(), o.S3Endpoint)
	}
	if got, want := get("S3_BUCKET_NAME=b", "AWS_ENDPOINT_URL=http://s3"), "b eu-north-1 a topsecret http://s3\n"; got != want {
		t.Errorf("Skald's options are %swant %s", got, want)
	}
	got := get("S3_BUCKET_NAME=b", "KVASIR_S3_BUCKET=c", "KVASIR_S3_REGION=r", "KVASIR_S3_ACCESS_KEY=k",
		"KVASIR_S3_SECRET_KEY=s", "KVASIR_S3_ENDPOINT=https://e", "AWS_ENDPOINT_URL=http://s3")
	if want := "c r k s https://e\n"; got != want {
		t.Errorf("our own options are %swant %s", got, want)
	}
	env := config.NewEnvironment(append(keys, "S3_BUCKET_NAME=b"))
	if got := env.Unused(); len(got) != 0 {
		t.Errorf("%v are told to have no effect", got)
	}
}

func TestABucketsRegion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ region, endpoint, want string }{
		{"", "", "us-east-2"},
		{"", "http://s3", "us-east-1"},
		{"auto", "http://s3", "auto"},
	} {
		o := config.Originals{S3Region: tt.region, S3Endpoint: tt.endpoint}
		if got := o.Region(); got != tt.want {
			t.Errorf("%+v is the region %q", tt, got)
		}
	}
}

func TestFaultsOfFilesAndVisits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environ []string
		want    []string
	}{
		{[]string{"KVASIR_BLOB=tape"}, []string{"KVASIR_BLOB"}},
		{[]string{"KVASIR_BLOB=s3"}, []string{"KVASIR_S3_ACCESS_KEY", "KVASIR_S3_BUCKET", "KVASIR_S3_SECRET_KEY"}},
		{[]string{"S3_BUCKET_NAME=b", "AWS_ACCESS_KEY_ID=a"}, []string{"KVASIR_S3_SECRET_KEY"}},
		{append(keys, "S3_BUCKET_NAME=b", "KVASIR_S3_ENDPOINT=s3.example.com"), []string{"KVASIR_S3_ENDPOINT"}},
		{[]string{"KVASIR_ALLOW_PRIVATE=10.0.0.0/8,intranet"}, []string{"KVASIR_ALLOW_PRIVATE"}},
		{[]string{"KVASIR_ALLOW_PRIVATE=fe80::1%eth0"}, []string{"KVASIR_ALLOW_PRIVATE"}},
		{[]string{"KVASIR_FETCH_PROXY=me:topsecret@proxy"}, []string{"KVASIR_FETCH_PROXY"}},
		{[]string{"KVASIR_FETCH_TIMEOUT=1ms", "KVASIR_EVENT_RETENTION=1s"}, []string{
			"KVASIR_EVENT_RETENTION", "KVASIR_FETCH_TIMEOUT",
		}},
	} {
		_, _, err := parse(t, tt.environ)
		var got []string
		for line := range strings.Lines(fmt.Sprint(err)) {
			name, _, _ := strings.Cut(line, ": ")
			got = append(got, name)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
			t.Errorf("faults of %v (-want +got):\n%s", tt.environ, diff)
		}
		if strings.Contains(fmt.Sprint(err), "topsecret") {
			t.Errorf("a fault tells a secret: %v", err)
		}
	}
}

func TestVisits(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, []string{
		"KVASIR_ALLOW_PRIVATE=10.0.0.0/8, 192.168.1.7,fd00::/8", "KVASIR_FETCH_PROXY=http://me:pw@proxy:3128",
	})
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.1.7/32"), netip.MustParsePrefix("fd00::/8"),
	}
	if diff := cmp.Diff(want, cfg.Networks(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
	if got := cfg.Proxy(); got == nil || got.Host != "proxy:3128" {
		t.Errorf("the proxy is %v", got)
	}
	if none := mustParse(t, nil); none.Proxy() != nil || none.Networks() != nil {
		t.Errorf("by default there is %v, %v", none.Proxy(), none.Networks())
	}
}
