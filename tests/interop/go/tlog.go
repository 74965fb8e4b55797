package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"github.com/fxamacker/cbor/v2"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func (w *World) policy() torchwood.Policy {
	policy, err := torchwood.ParsePolicy(w.get(w.log() + "/policy"))
	must(err)
	return policy
}

func (w *World) trusted() torchwood.Checkpoint {
	checkpoint, _, err := torchwood.VerifyCheckpoint(w.get(w.log()+"/checkpoint"), w.policy())
	must(err)
	return checkpoint
}

// Our checkpoints satisfy C2SP's own policy: the log's Ed25519 key, two of three witnesses here, and the one elsewhere.
func (w *World) checkpoint() {
	policy, text := w.policy(), w.get(w.log()+"/checkpoint")
	checkpoint, opened, err := torchwood.VerifyCheckpoint(text, policy)
	must(err)
	expect(checkpoint.Origin == w.Origin && checkpoint.N > w.Statements, "%s of %d", checkpoint.Origin, checkpoint.N)
	expect(len(opened.Sigs) == 5, "%d of 5 signatures are known", len(opened.Sigs))
	body := strings.LastIndex(string(text), "\n\n") + 1
	// The text alone: a signature that is not needed may be any.
	holds("checkpoint", text[:body], func(changed []byte) error {
		_, _, err := torchwood.VerifyCheckpoint(append(append([]byte{}, changed...), text[body:]...), policy)
		return err
	})
	for _, needed := range []string{w.Origin + " ", "outside.example/witness "} {
		lines := strings.SplitAfter(string(text), "\n")
		kept := ""
		for _, line := range lines {
			if !strings.HasPrefix(line, "— "+needed) {
				kept += line
			}
		}
		_, _, err := torchwood.VerifyCheckpoint([]byte(kept), policy)
		expect(err != nil, "a checkpoint without a signature by %s is accepted", needed)
	}
}

func (w *World) fetcher(client *http.Client) *torchwood.Client {
	fetcher, err := torchwood.NewTileFetcher(w.log(), torchwood.WithHTTPClient(client))
	must(err)
	reader, err := torchwood.NewClient(fetcher)
	must(err)
	return reader
}

// Every entry is read from bundles, and proven by tiles against the checkpoint. The client asks for gzip by itself.
func (w *World) tiles() {
	tree, count := w.trusted().Tree, int64(0)
	reader := w.fetcher(w.client)
	for index, entry := range reader.AllEntries(context.Background(), tree, 0) {
		expect(index == count && len(entry) == sha256.Size, "entry %d", index)
		count++
	}
	must(reader.Err())
	expect(count == tree.N, "%d of %d entries", count, tree.N)
	for _, where := range []string{"/tile/entries/000", "/tile/0/000"} {
		spoilt := *w.client
		spoilt.Transport = spoiling{w.client.Transport, where}
		reader := w.fetcher(&spoilt)
		for range reader.AllEntries(context.Background(), tree, 0) {
		}
		expect(reader.Err() != nil, "%s is accepted although it was changed", where)
	}
}

// spoiling changes a byte of one answer.
type spoiling struct {
	http.RoundTripper
	where string
}

func (s spoiling) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := s.RoundTripper.RoundTrip(request)
	if err == nil && strings.HasSuffix(request.URL.Path, s.where) {
		body, _ := io.ReadAll(answer.Body)
		body[100] ^= 1
		answer.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	return answer, err
}

func (w *World) known() (id [32]byte) { return sha256.Sum256(w.file("known.cose")) }

func (w *World) proofs() {
	head := w.trusted()
	root := head.Hash[:]
	for _, old := range []int64{1, 2, 100, 256, head.N - 1} {
		var hashes [][]byte
		must(cbor.Unmarshal(w.get(fmt.Sprintf("%s/consistency/%d/%d", w.log(), old, head.N)), &hashes))
		oldRoot, err := tlog.TreeHash(old, torchwood.TileHashReaderWithContext(context.Background(), head.Tree, w.tileReader()))
		must(err)
		check := func(path [][]byte) error {
			return proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), uint64(head.N), path, oldRoot[:], root)
		}
		must(check(hashes))
		refuseChanged("consistency", hashes, check)
	}
	index, hashes := w.inclusion()
	id := w.known()
	check := func(path [][]byte) error {
		return proof.VerifyInclusion(rfc6962.DefaultHasher, index, uint64(head.N), rfc6962.DefaultHasher.HashLeaf(id[:]), path, root)
	}
	must(check(hashes))
	refuseChanged("inclusion", hashes, check)
}

func refuseChanged(what string, hashes [][]byte, check func([][]byte) error) {
	for at := range hashes {
		hashes[at][at%32] ^= 1
		expect(check(hashes) != nil, "%s: accepted although hash %d is another", what, at)
		hashes[at][at%32] ^= 1
	}
}

func (w *World) tileReader() torchwood.TileReader {
	fetcher, err := torchwood.NewTileFetcher(w.log(), torchwood.WithHTTPClient(w.client))
	must(err)
	return fetcher
}

func (w *World) tlogProofText() []byte {
	id := w.known()
	return w.get(w.log() + "/proof/" + hex.EncodeToString(id[:]))
}

// inclusion reads index and path from the text of a proof.
func (w *World) inclusion() (index uint64, hashes [][]byte) {
	lines := strings.Split(string(w.tlogProofText()), "\n")
	index, err := strconv.ParseUint(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err)
	for _, line := range lines[2:] {
		if line == "" {
			return index, hashes
		}
		hash, err := base64.StdEncoding.DecodeString(line)
		must(err)
		hashes = append(hashes, hash)
	}
	must(errors.New("a proof without a checkpoint"))
	return
}

func (w *World) tlogProof() {
	policy, id, text := w.policy(), w.known(), w.tlogProofText()
	end := strings.Index(string(text), "\n\n")
	end += strings.Index(string(text[end+2:]), "\n\n") + 2
	holds("tlog-proof", text[:end], func(changed []byte) error {
		return torchwood.VerifyProof(policy, tlog.RecordHash(id[:]), append(append([]byte{}, changed...), text[end:]...))
	})
	expect(torchwood.VerifyProof(policy, tlog.RecordHash([]byte("another")), text) != nil, "another entry is proven")
}

// A log of our own asks a witness of the node.
func (w *World) addCheckpoint() {
	signer := otherLog(w)
	witness, prefix := w.witnessKey("witness-1"), w.Node+"/witness/witness-1"
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		all := storedHashes()
		var asked []tlog.Hash
		for _, index := range indexes {
			asked = append(asked, all[index])
		}
		return asked, nil
	})
	ask := func(old, size int64, proof []tlog.Hash) (int, string, *note.Note) {
		root, err := tlog.TreeHash(size, hashes)
		must(err)
		checkpoint := torchwood.Checkpoint{Origin: w.OtherLog.Name, Tree: tlog.Tree{N: size, Hash: root}}
		signed, err := note.Sign(&note.Note{Text: checkpoint.String()}, signer)
		must(err)
		text := fmt.Sprintf("old %d\n", old)
		for _, hash := range proof {
			text += hash.String() + "\n"
		}
		answer, body := w.ask("POST", prefix+"/add-checkpoint", nil, []byte(text+"\n"+string(signed)))
		if answer.StatusCode != 200 {
			return answer.StatusCode, string(body), nil
		}
		cosigned, err := note.Open(append(signed, body...), note.VerifierList(witness))
		must(err)
		return 200, "", cosigned
	}
	status, said, _ := ask(0, 5, nil)
	if status == 409 { // it remembers another try
		must(fmt.Errorf("the world is not new: %s", said))
	}
	expect(status == 200, "status %d: %s", status, said)
	proof, err := tlog.ProveTree(9, 5, hashes)
	must(err)
	status, said, _ = ask(0, 9, nil)
	expect(status == 409 && said == "5\n", "status %d: %s", status, said)
	status, _, _ = ask(5, 9, proof[1:])
	expect(status == 422, "a proof that lacks a hash: status %d", status)
	status, said, cosigned := ask(5, 9, proof)
	expect(status == 200 && len(cosigned.Sigs) == 1, "status %d: %s", status, said)
	at, err := torchwood.CosignatureTimestamp(cosigned.Sigs[0])
	expect(err == nil && at > 1_700_000_000, "cosigned at %d", at)
	digest := sha256.Sum256([]byte(w.OtherLog.Name))
	last := w.get(fmt.Sprintf("%s/%x/checkpoint", prefix, digest))
	_, err = note.Open(last, note.VerifierList(witness))
	must(err)
}

// storedHashes are those of a log of nine entries.
func storedHashes() (all []tlog.Hash) {
	for entry := range int64(9) {
		reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			var asked []tlog.Hash
			for _, index := range indexes {
				asked = append(asked, all[index])
			}
			return asked, nil
		})
		more, err := tlog.StoredHashes(entry, fmt.Appendf(nil, "entry %d", entry), reader)
		must(err)
		all = append(all, more...)
	}
	return all
}

func (w *World) witnessKey(name string) note.Verifier {
	for line := range strings.Lines(string(w.get(w.log() + "/policy"))) {
		if fields := strings.Fields(line); fields[0] == "witness" && fields[1] == name {
			verifier, err := torchwood.NewCosignatureVerifier(fields[2])
			must(err)
			return verifier
		}
	}
	must(errors.New("no such witness"))
	return nil
}

func otherLog(w *World) note.Signer {
	key := ed25519.NewKeyFromSeed(unhex(w.OtherLog.Seed))
	public := append([]byte{1}, key.Public().(ed25519.PublicKey)...)
	digest := sha256.Sum256(append([]byte(w.OtherLog.Name+"\n"), public...))
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", w.OtherLog.Name, binary.BigEndian.Uint32(digest[:4]), secret))
	must(err)
	return signer
}

// witness serves add-checkpoint as C2SP tlog-witness has it, for whatever log it meets first under a name.
func witness() error {
	key := ed25519.NewKeyFromSeed([]byte("a seed that is known to everybody"[:32]))
	cosigner, err := torchwood.NewCosignatureSigner("outside.example/witness", key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	public := append([]byte{4}, key.Public().(ed25519.PublicKey)...)
	fmt.Printf("%s+%08x+%s\n", cosigner.Name(), cosigner.KeyHash(), base64.StdEncoding.EncodeToString(public))
	fmt.Printf("http://%s\n", listener.Addr())
	held := heads{last: map[string]tlog.Tree{}}
	go http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		held.addCheckpoint(cosigner, answer, request)
	}))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

type heads struct {
	sync.Mutex
	last map[string]tlog.Tree
}

func (h *heads) addCheckpoint(cosigner note.Signer, answer http.ResponseWriter, request *http.Request) {
	h.Lock()
	defer h.Unlock()
	lines := bufio.NewReader(http.MaxBytesReader(answer, request.Body, 1<<20))
	first, _ := lines.ReadString('\n')
	old, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(first, "old ")), 10, 64)
	var proof tlog.TreeProof
	for err == nil {
		line, failed := lines.ReadString('\n')
		if err = failed; line == "\n" {
			break
		}
		hash, failed := tlog.ParseHash(strings.TrimSpace(line))
		proof, err = append(proof, hash), errors.Join(err, failed)
	}
	signed, failed := io.ReadAll(lines)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	head, malformed := torchwood.ParseCheckpoint(text + "\n")
	if err = errors.Join(err, failed, malformed); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	held := h.last[head.Origin]
	if held.N != old {
		answer.Header().Set("Content-Type", "text/x.tlog.size")
		answer.WriteHeader(http.StatusConflict)
		fmt.Fprintln(answer, held.N)
		return
	}
	if held.N > 0 {
		err = tlog.CheckTree(proof, head.N, head.Hash, held.N, held.Hash)
	}
	line, failed := note.Sign(&note.Note{Text: text + "\n"}, cosigner)
	if err = errors.Join(err, failed); err != nil {
		http.Error(answer, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	h.last[head.Origin] = head.Tree
	answer.Write(line[len(text)+2:])
}
