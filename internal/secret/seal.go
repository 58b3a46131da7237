package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
)

const (
	sealVersion = 1
	keyIDSize   = 4
	nonceSize   = 12
	tagSize     = 16
)

// Seal encrypts plain under the first key with AES-256-GCM. Only Open with the same
// purpose and aad gives it back: aad says which row it belongs to, so that one row's
// sealed text is useless in another.
//
// The result is a version byte, the key's id (4 bytes), the nonce (12) and the ciphertext.
func (r *Ring) Seal(purpose, aad string, plain []byte) ([]byte, error) {
	k := r.keys[0]
	head := append([]byte{sealVersion}, k.id[:]...)
	sealed, err := encrypt(derive(k.master, "seal "+purpose), head, aad, plain)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	return sealed, nil
}

// Open gives back what Seal sealed. Text under a key that the ring no longer has is
// ErrUnknownKey; anything else that does not open is ErrSealed.
func (r *Ring) Open(purpose, aad string, sealed []byte) ([]byte, error) {
	const head = 1 + keyIDSize
	if len(sealed) < head+nonceSize+tagSize || sealed[0] != sealVersion {
		return nil, fmt.Errorf("open %s: %w", purpose, ErrSealed)
	}
	err := ErrUnknownKey
	for _, k := range r.keys {
		if [keyIDSize]byte(sealed[1:head]) != k.id {
			continue
		}
		plain, ok := decrypt(derive(k.master, "seal "+purpose), sealed, head, aad)
		if ok {
			return plain, nil
		}
		err = ErrSealed
	}
	return nil, fmt.Errorf("open %s: %w", purpose, err)
}

// SealUnder encrypts plain under a key derived from secret, which must be unguessable by
// itself: whoever holds it can open the result, and nobody else, not even with the Ring.
func SealUnder(secret []byte, purpose string, plain []byte) ([]byte, error) {
	sealed, err := encrypt(derive(secret, "under "+purpose), []byte{sealVersion}, "", plain)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	return sealed, nil
}

// OpenUnder gives back what SealUnder sealed, else ErrSealed.
func OpenUnder(secret []byte, purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+nonceSize+tagSize || sealed[0] != sealVersion {
		return nil, fmt.Errorf("open %s: %w", purpose, ErrSealed)
	}
	plain, ok := decrypt(derive(secret, "under "+purpose), sealed, 1, "")
	if !ok {
		return nil, fmt.Errorf("open %s: %w", purpose, ErrSealed)
	}
	return plain, nil
}

// encrypt returns head, a fresh nonce and the ciphertext. head is authenticated with aad.
func encrypt(key, head []byte, aad string, plain []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(head)+nonceSize, len(head)+nonceSize+len(plain)+tagSize)
	copy(out, head)
	nonce := out[len(head):]
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(out, nonce, plain, append(head[:len(head):len(head)], aad...)), nil
}

func decrypt(key, sealed []byte, head int, aad string) ([]byte, bool) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, false
	}
	nonce, text := sealed[head:head+nonceSize], sealed[head+nonceSize:]
	plain, err := aead.Open(nil, nonce, text, append(sealed[:head:head], aad...))
	return plain, err == nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
