package app

import (
	"context"
	"io"
	"path/filepath"

	"kvasir/internal/blob"
	"kvasir/internal/config"
	"kvasir/internal/fetch"
	"kvasir/internal/ingest"
)

// openFiles opens the store of originals.
func openFiles(ctx context.Context, cfg *config.Config) (blob.Store, error) {
	if cfg.Place() != config.S3 {
		disk, err := blob.Open(filepath.Join(cfg.Data, "blob"))
		if err != nil {
			return nil, err
		}
		return disk, nil
	}
	transit := filepath.Join(cfg.Data, "transit")
	if err := freshFolder(transit); err != nil {
		return nil, err
	}
	bucket, err := blob.OpenS3(ctx, blob.S3Options{
		Endpoint:   cfg.S3Endpoint,
		Region:     cfg.S3Region,
		Bucket:     cfg.S3Bucket,
		Prefix:     cfg.S3Prefix,
		AccessKey:  cfg.S3AccessKey.Reveal(),
		SecretKey:  cfg.S3SecretKey.Reveal(),
		Addressing: addressing(cfg.S3PathStyle),
		TempDir:    transit,
	})
	if err != nil {
		return nil, err
	}
	return bucket, nil
}

func addressing(pathStyle config.Switch) blob.Addressing {
	switch pathStyle {
	case config.On:
		return blob.ByPath
	case config.Off:
		return blob.ByHost
	}
	return blob.Automatic
}

// newFetch returns the client for addresses that users name.
func newFetch(cfg *config.Config) *fetch.Client {
	agent := cfg.UserAgent
	if agent == "" {
		agent = "Kvasir/" + Version
		if cfg.PublicURL != "" {
			agent += " (+" + cfg.PublicURL + ")"
		}
	}
	return fetch.New(fetch.Options{
		UserAgent: agent,
		MaxBytes:  cfg.MaxUploadBytes,
		Timeout:   cfg.FetchTimeout,
		Allow:     cfg.Networks(),
		Proxy:     cfg.Proxy(),
	})
}

// load loads a page for ingest.
func (a *App) load(ctx context.Context, url string) (ingest.Page, error) {
	page, err := a.fetch.Fetch(ctx, url)
	if err != nil {
		return ingest.Page{}, err
	}
	return ingest.Page{Name: page.Name, MIMEType: page.MIMEType, Body: page.Body}, nil
}

// openOriginal opens a kept file for those who want it back.
func (a *App) openOriginal(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	return a.files.Open(ctx, key)
}
