// Clients in Go that nobody here wrote, on a ledger that runs on this machine.
//
//	interop witness         an outside witness: prints its key and its URL, and cosigns until its input ends
//	interop check FOLDER    tries everything on the world that the program `elsewhere` has made
//
// What is accepted must be refused once a byte of it is changed: `holds` sees to that.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// World is what `elsewhere` tells.
type World struct {
	Node       string
	Origin     string
	Statements int64
	OtherLog   struct{ Name, Seed string }
	Sealed     struct{ Secret, Kind, Subject, Plain string }

	folder string
	client *http.Client
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "witness":
		must(witness())
	case len(os.Args) == 3 && os.Args[1] == "check":
		world := open(os.Args[2])
		for _, check := range []struct {
			name string
			try  func(*World)
		}{
			{"checkpoint, cosignatures, policy: torchwood", (*World).checkpoint},
			{"tiles and bundles: torchwood, x/mod/sumdb", (*World).tiles},
			{"inclusion, consistency: transparency-dev/merkle", (*World).proofs},
			{"tlog-proof: torchwood", (*World).tlogProof},
			{"a witness here cosigns for others: torchwood", (*World).addCheckpoint},
			{"statement, SCRAPI, receipt: go-cose", (*World).scrapi},
			{"certificates: crypto/x509, zlint", (*World).certificates},
			{"a sealed part: crypto/hpke", (*World).sealed},
		} {
			began := time.Now()
			check.try(world)
			fmt.Printf("ok   %5d ms  %s\n", time.Since(began).Milliseconds(), check.name)
		}
	default:
		must(errors.New("usage: interop witness | interop check FOLDER"))
	}
}

func open(folder string) *World {
	world := &World{folder: folder}
	must(json.Unmarshal(world.file("world.json"), world))
	root, err := x509.ParseCertificate(world.file("tls-root.der"))
	must(err)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	world.client = &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return world
}

func (w *World) file(name string) []byte {
	content, err := os.ReadFile(filepath.Join(w.folder, name))
	must(err)
	return content
}

// log is the base URL of the log.
func (w *World) log() string { return w.Node + "/supply" }

func (w *World) get(url string) []byte {
	answer, body := w.ask("GET", url, nil, nil)
	expect(answer.StatusCode == 200, "%s: status %d", url, answer.StatusCode)
	return body
}

func (w *World) ask(method, url string, headers map[string]string, body []byte) (*http.Response, []byte) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	must(err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	answer, err := w.client.Do(request)
	must(err)
	defer answer.Body.Close()
	read, err := io.ReadAll(io.LimitReader(answer.Body, 1<<24))
	must(err)
	return answer, read
}

// holds demands that content is accepted, and that no content is in which one bit is another: at every byte of a short one,
// at 64 places of a long one.
func holds(what string, content []byte, accept func([]byte) error) {
	if err := accept(content); err != nil {
		must(fmt.Errorf("%s: %w", what, err))
	}
	step := max(1, len(content)/64)
	for at := 0; at < len(content); at += step {
		changed := bytes.Clone(content)
		// Not the lowest: the last digit of a hash in base64 has bits that Go's decoder does not look at.
		changed[at] ^= 0x40
		expect(accept(changed) != nil, "%s: accepted although byte %d is another", what, at)
	}
}

func expect(holds bool, format string, arguments ...any) {
	if !holds {
		must(fmt.Errorf(format, arguments...))
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAILED", err)
		os.Exit(1)
	}
}

func unhex(text string) []byte {
	decoded, err := hex.DecodeString(text)
	must(err)
	return decoded
}
