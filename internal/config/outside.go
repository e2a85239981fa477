package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"
)

// The places for originals.
const (
	Disk = "disk"
	S3   = "s3"
)

// Place returns where originals are kept: [Disk] or [S3]. Keys alone name no place:
// they may be for something else.
func (o *Originals) Place() string {
	if o.Blob == "" && o.S3Bucket != "" {
		return S3
	}
	if o.Blob == "" {
		return Disk
	}
	return o.Blob
}

// Region returns the bucket's region.
func (o *Originals) Region() string {
	switch {
	case o.S3Region != "":
		return o.S3Region
	case o.S3Endpoint != "":
		return "us-east-1"
	}
	return "us-east-2"
}

// files checks where originals are kept.
func (o *Originals) files(add func(string, error)) {
	switch o.Place() {
	case Disk:
		return
	case S3:
	default:
		add("KVASIR_BLOB", fmt.Errorf("%q is not one of disk, s3", o.Blob))
		return
	}
	if o.S3Bucket == "" {
		add("KVASIR_S3_BUCKET", errors.New("KVASIR_BLOB=s3 needs the name of a bucket"))
	}
	for variable, key := range map[string]Secret{
		"KVASIR_S3_ACCESS_KEY": o.S3AccessKey, "KVASIR_S3_SECRET_KEY": o.S3SecretKey,
	} {
		if key == "" {
			add(variable, errors.New("the bucket needs a key; KVASIR_BLOB=disk does without a bucket"))
		}
	}
	add("KVASIR_S3_ENDPOINT", address(o.S3Endpoint))
}

// visits checks what may be visited, and how.
func (o *Outside) visits(add func(string, error)) {
	_, err := networks(o.AllowPrivate)
	add("KVASIR_ALLOW_PRIVATE", err)
	add("KVASIR_FETCH_TIMEOUT", between(o.FetchTimeout, time.Second, time.Hour))
	add("KVASIR_EVENT_RETENTION", between(o.EventRetention, time.Hour, 10*365*24*time.Hour))
	if address(o.FetchProxy.Reveal()) != nil { // whose words would tell a password
		add("KVASIR_FETCH_PROXY", errors.New("it is not an address such as http://proxy.example.com:3128"))
	}
}

// Networks returns the private networks that may be visited.
func (o *Outside) Networks() []netip.Prefix {
	allowed, _ := networks(o.AllowPrivate) // Validate has told the error
	return allowed
}

// Proxy returns the proxy for visits, nil for none.
func (o *Outside) Proxy() *url.URL {
	u, err := url.Parse(o.FetchProxy.Reveal())
	if err != nil || u.Host == "" {
		return nil // Validate has told the error
	}
	return u
}
