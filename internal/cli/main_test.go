package cli

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	os.Unsetenv("COLUMNS") // the width of help does not depend on who tests
	goleak.VerifyTestMain(m)
}
