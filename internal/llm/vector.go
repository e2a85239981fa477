package llm

import "crypto/sha256"

// A VectorSpace is what vectors have in common that can stand for each other:
// the same text gives the same vector in it.
type VectorSpace struct {
	Model      string // [EmbedSpec.Model]
	Dimensions int    // 0 for what the model gives
	Input      Input
}

// A TextHash is the SHA-256 of a text.
type TextHash [sha256.Size]byte

// HashText returns the hash of a text.
func HashText(text string) TextHash { return sha256.Sum256([]byte(text)) }
