// VERSION URL IN OUT: sends IN to its end, and only then reads the answer into OUT.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
)

// A file that closes sent at its end.
type body struct {
	file *os.File
	sent chan struct{}
}

func (b body) Read(into []byte) (int, error) {
	n, err := b.file.Read(into)
	if err == io.EOF {
		close(b.sent)
	}
	return n, err
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: os.Args[1] == "2"}
	if os.Args[1] != "2" {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	client := &http.Client{Transport: transport}
	sending := body{must(os.Open(os.Args[3])), make(chan struct{})}
	response := must(client.Post(os.Args[2], "application/x-ndjson", sending))
	if fmt.Sprint(response.ProtoMajor) != os.Args[1] {
		panic(response.Proto)
	}
	<-sending.sent
	must(io.Copy(must(os.Create(os.Args[4])), response.Body))
	fmt.Println(response.Trailer.Get("Millrace-Status"))
}
