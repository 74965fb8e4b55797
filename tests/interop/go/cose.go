package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"

	"github.com/fxamacker/cbor/v2"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/veraison/go-cose"
	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

func parse(der []byte) *x509.Certificate {
	certificate, err := x509.ParseCertificate(der)
	must(err)
	return certificate
}

func verifier(key any) cose.Verifier {
	verifier, err := cose.NewVerifier(cose.AlgorithmES256, key)
	must(err)
	return verifier
}

// A client that knows one base URL registers a statement, reads its receipt and verifies both.
func (w *World) scrapi() {
	statement := w.file("new.cose")
	signer := verifier(parse(w.file("member.der")).PublicKey)
	holds("statement", statement, func(content []byte) error {
		var message cose.Sign1Message
		return errors.Join(message.UnmarshalCBOR(content), message.Verify(nil, signer))
	})
	headers := map[string]string{"Content-Type": "application/cose", "Accept": "application/cose"}
	answer, receipt := w.ask("POST", w.log()+"/entries", headers, statement)
	expect(answer.StatusCode == 201 && answer.Header.Get("Content-Type") == "application/cose", "status %d", answer.StatusCode)
	base, err := url.Parse(w.log() + "/entries")
	must(err)
	location, err := base.Parse(answer.Header.Get("Location"))
	must(err)
	key := w.receiptKey(receipt)
	id := sha256.Sum256(statement)
	for _, receipt := range [][]byte{receipt, w.get(location.String())} {
		holds("receipt", receipt, func(content []byte) error { return verifyReceipt(content, id, key) })
	}
	other := sha256.Sum256([]byte("another"))
	expect(verifyReceipt(receipt, other, key) != nil, "another statement is in the log")
	headers["Content-Type"] = "text/plain"
	refused, _ := w.ask("POST", w.log()+"/entries", headers, statement)
	expect(refused.StatusCode == 415, "text is taken for a statement: status %d", refused.StatusCode)
	headers = map[string]string{"Accept": "application/problem+json"}
	missing, problem := w.ask("GET", w.log()+"/entries/"+hex.EncodeToString(other[:]), headers, nil)
	expect(missing.StatusCode == 404 && bytes.Contains(problem, []byte(`"title":"not-found"`)), "%s", problem)
}

// receiptKey is the key that a receipt names, as the log serves it.
func (w *World) receiptKey(receipt []byte) cose.Verifier {
	var message cose.Sign1Message
	must(message.UnmarshalCBOR(receipt))
	kid, ok := message.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
	expect(ok, "a receipt without a key id")
	encoded := w.get(w.log() + "/.well-known/scitt-keys/" + base64.RawURLEncoding.EncodeToString(kid))
	var labels map[int]any
	must(cbor.Unmarshal(encoded, &labels))
	x, y := labels[-2].([]byte), labels[-3].([]byte)
	return verifier(&ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)})
}

// verifyReceipt follows RFC 9942, section 5.2, with the digest of the statement as the entry.
func verifyReceipt(receipt []byte, id [32]byte, key cose.Verifier) error {
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(receipt); err != nil {
		return err
	}
	if vds, _ := message.Headers.Protected[int64(395)].(int64); vds != 1 {
		return errors.New("not of RFC9162_SHA256")
	}
	proofs, _ := message.Headers.Unprotected[int64(396)].(map[any]any)
	list, _ := proofs[int64(-1)].([]any)
	if len(list) != 1 {
		return errors.New("not one inclusion proof")
	}
	encoded, _ := list[0].([]byte)
	var inclusion struct {
		_     struct{} `cbor:",toarray"`
		Size  uint64
		Index uint64
		Path  [][]byte
	}
	if err := cbor.Unmarshal(encoded, &inclusion); err != nil {
		return err
	}
	for _, hash := range inclusion.Path {
		if len(hash) != sha256.Size {
			return errors.New("a hash of another length")
		}
	}
	root, err := rootOf(inclusion.Index, inclusion.Size, rfc6962.DefaultHasher.HashLeaf(id[:]), inclusion.Path)
	if err != nil {
		return err
	}
	message.Payload = root
	return message.Verify(nil, key)
}

func rootOf(index, size uint64, leaf []byte, path [][]byte) ([]byte, error) {
	// The library only compares: its error names the root that it reached.
	err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf, path, make([]byte, sha256.Size))
	var mismatch proof.RootMismatchError
	if errors.As(err, &mismatch) {
		return mismatch.CalculatedRoot, nil
	}
	return nil, fmt.Errorf("no root: %w", err)
}

// Certificates verify by crypto/x509, also while a domain has two roots of one name, and lint by RFC 5280.
func (w *World) certificates() {
	now := parse(w.file("by-new.der")).NotBefore
	verify := func(leaf []byte, roots ...string) error {
		certificate, err := x509.ParseCertificate(leaf)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		for _, root := range roots {
			pool.AddCert(parse(w.file(root)))
		}
		_, err = certificate.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now.AddDate(0, 0, 1), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}
	for _, leaf := range []string{"by-old.der", "by-new.der"} {
		holds(leaf, w.file(leaf), func(content []byte) error { return verify(content, "old-root.der", "new-root.der") })
	}
	expect(verify(w.file("by-new.der"), "old-root.der") != nil, "a member of one root passes under the other")
	must(verify(w.file("member.der"), "domain-root.der"))
	must(verify(w.file("registrar.der"), "domain-root.der"))
	registry, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: lint.SourceList{lint.RFC5280}})
	must(err)
	for _, name := range []string{"old-root.der", "by-new.der", "domain-root.der", "registrar.der", "member.der", "tls-root.der"} {
		certificate, err := zx509.ParseCertificate(w.file(name))
		must(err)
		found := zlint.LintCertificateEx(certificate, registry)
		for rule, result := range found.Results {
			expect(result.Status < lint.Error, "%s breaks %s: %s", name, rule, result.Details)
		}
	}
}

// A confidential part opens for its receiver, in its place, and nowhere else.
func (w *World) sealed() {
	scalar, err := ecdh.P256().NewPrivateKey(unhex(w.Sealed.Secret))
	must(err)
	secret, err := hpke.NewDHKEMPrivateKey(scalar)
	must(err)
	open := func(content []byte, subject string) error {
		enc, ciphertext := content[:65], content[65:]
		recipient, err := hpke.NewRecipient(enc, secret, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte("countersign/sealed/v1"))
		if err != nil {
			return err
		}
		plain, err := recipient.Open(framed("countersign/sealed/v1", w.Sealed.Kind, subject), ciphertext)
		if err == nil && string(plain) != w.Sealed.Plain {
			err = errors.New("it says something else")
		}
		return err
	}
	holds("sealed part", w.file("sealed"), func(content []byte) error { return open(content, w.Sealed.Subject) })
	expect(open(w.file("sealed"), w.Sealed.Subject+"1") != nil, "it opens in another place")
}

// framed is the digest of parts, each behind its length as 64-bit big-endian.
func framed(parts ...string) []byte {
	digest := sha256.New()
	for _, part := range parts {
		digest.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		digest.Write([]byte(part))
	}
	return digest.Sum(nil)
}
