// VERSION (URL BODY)...: POSTs each body and reads the whole answer. Prints `complete` or the error, a line each.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: os.Args[1] == "2"}
	if os.Args[1] != "2" {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	client := &http.Client{Transport: transport}
	for n := 2; n < len(os.Args); n += 2 {
		response, err := client.Post(os.Args[n], "application/x-ndjson", strings.NewReader(os.Args[n+1]))
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
			if fmt.Sprint(response.ProtoMajor) != os.Args[1] {
				panic(response.Proto)
			}
		}
		if err == nil {
			fmt.Println("complete")
		} else {
			fmt.Println("error", err)
		}
	}
}
