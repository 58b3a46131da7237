package secret

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// UUIDv7 returns a new id (RFC 9562 §5.7) in lower-case text. Ids made at later times sort
// later, down to the microsecond; ids of one instant are told apart by 62 random bits. An
// id is a name, never a secret. A time before 1970 counts as 1970.
func UUIDv7(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[8:]) // never fails: the runtime stops the program instead
	ms := max(0, now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	// RFC 9562 §6.2, method 3: twelve bits of the fraction of the millisecond.
	fraction := (now.Nanosecond() % 1e6) << 12 / 1e6
	b[6], b[7] = 0x70|byte(fraction>>8), byte(fraction)
	b[8] = 0x80 | b[8]&0x3f
	return formatUUID(b[:])
}

func formatUUID(b []byte) string {
	var t [36]byte
	hex.Encode(t[0:8], b[0:4])
	hex.Encode(t[9:13], b[4:6])
	hex.Encode(t[14:18], b[6:8])
	hex.Encode(t[19:23], b[8:10])
	hex.Encode(t[24:36], b[10:16])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return string(t[:])
}

// parseUUID writes the 16 bytes of a UUID to dst. It takes the one spelling that
// formatUUID gives and no other.
func parseUUID(dst []byte, text string) bool {
	if len(text) != 36 {
		return false
	}
	digits := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	if _, err := hex.Decode(dst, []byte(digits)); err != nil {
		return false
	}
	return formatUUID(dst) == text
}
