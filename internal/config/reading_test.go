package config_test

import (
	"testing"
	"time"

	"kvasir/internal/config"
)

func TestTheReadingOfDocumentsIsBounded(t *testing.T) {
	t.Parallel()
	c := mustParse(t, nil)
	if c.ParseTimeout != 2*time.Minute || c.ParseMemory != 1<<30 || c.MaxTextBytes != 64<<20 || c.ParseIsolation != config.On {
		t.Errorf("by default %+v", c.Reading)
	}
	c = mustParse(t, []string{
		"KVASIR_PARSE_ISOLATION=false", "KVASIR_PARSE_MEMORY=2GiB", "KVASIR_OCR=false", "KVASIR_OCR_LANGUAGES=kor+chi_sim",
	})
	if c.ParseIsolation != config.Off || c.ParseMemory != 2<<30 || c.OCR != config.Off || c.OCRLanguages != "kor+chi_sim" {
		t.Errorf("as asked for %+v", c.Reading)
	}
}
