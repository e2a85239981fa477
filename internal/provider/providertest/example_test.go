package providertest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"kvasir/internal/provider/providertest"
)

// A server that throttles the first request and then answers.
func Example() {
	srv := providertest.Start(providertest.Options{})
	defer srv.Close()
	srv.Next(providertest.Embed, providertest.Throttle(2*time.Second))

	for range 2 {
		resp, err := http.Post(srv.URL()+"/embed", "application/json", strings.NewReader(`{"content": "a duck"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		fmt.Printf("%d, wait %q\n", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	totals := srv.Totals(providertest.Embed)
	fmt.Println(totals.Requests, "requests,", totals.Failed, "failed")
	// Output:
	// 429, wait "2"
	// 200, wait ""
	// 2 requests, 1 failed
}
