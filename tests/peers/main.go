// What core/abe is measured beside: tkn20 of CIRCL, another ciphertext-policy scheme. It is asked line by line, so that both are
// measured in turn on a machine whose pace changes:
//
//	keygen | encrypt | decrypt, and the number of attributes -> the nanoseconds that one such step took of the processor
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/cloudflare/circl/abe/cpabe/tkn20"
)

// RUSAGE_THREAD of Linux; elsewhere it is the whole process.
const thread = 1

// What the steps with so many attributes need of one another.
type held struct {
	attributes tkn20.Attributes
	policy     tkn20.Policy
	key        tkn20.AttributeKey
	ciphertext []byte
}

func main() {
	// The collector may run on another thread, and is then not counted.
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	public, secret, err := tkn20.Setup(rand.Reader)
	must(err)
	all := map[int]*held{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var step string
		var count int
		_, err := fmt.Sscan(lines.Text(), &step, &count)
		must(err)
		one := all[count]
		if one == nil {
			one = prepare(public, secret, count)
			all[count] = one
		}
		began := processor()
		switch step {
		case "keygen":
			one.key, err = secret.KeyGen(rand.Reader, one.attributes)
		case "encrypt":
			one.ciphertext, err = public.Encrypt(rand.Reader, one.policy, make([]byte, 32))
		case "decrypt":
			_, err = one.key.Decrypt(one.ciphertext)
		default:
			err = fmt.Errorf("no such step: %s", step)
		}
		took := processor() - began
		must(err)
		fmt.Println(took)
	}
}

func prepare(public tkn20.PublicKey, secret tkn20.SystemSecretKey, count int) *held {
	one := &held{}
	values := map[string]string{}
	var texts []string
	for number := range count {
		name := fmt.Sprintf("a%d", number)
		values[name] = "v"
		texts = append(texts, fmt.Sprintf("(%s: v)", name))
	}
	one.attributes.FromMap(values)
	must(one.policy.FromString(strings.Join(texts, " and ")))
	var err error
	one.key, err = secret.KeyGen(rand.Reader, one.attributes)
	must(err)
	one.ciphertext, err = public.Encrypt(rand.Reader, one.policy, make([]byte, 32))
	must(err)
	return one
}

// processor is what this thread has used so far, in nanoseconds. The kernel counts in microseconds.
func processor() int64 {
	var used syscall.Rusage
	must(syscall.Getrusage(thread, &used))
	return used.Utime.Nano() + used.Stime.Nano()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
