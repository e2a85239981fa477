package app

import (
	"context"
	"path/filepath"
	"time"

	"kvasir/internal/blob"
	"kvasir/internal/config"
	"kvasir/internal/fetch"
	"kvasir/internal/ingest"
)

// openFiles opens the store of originals.
func openFiles(ctx context.Context, cfg *config.Config, transit string) (blob.Store, error) {
	if cfg.Place() != config.S3 {
		disk, err := blob.Open(filepath.Join(cfg.Data, "blob"))
		if err != nil {
			return nil, err
		}
		return disk, nil
	}
	if err := freshFolder(transit); err != nil {
		return nil, err
	}
	bucket, err := blob.OpenS3(ctx, blob.S3Options{
		Endpoint:   cfg.S3Endpoint,
		Region:     cfg.Region(),
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

const (
	sweepEvery = 24 * time.Hour
	orphanAge  = 24 * time.Hour // far beyond the time between a file and its row
)

// sweepFiles removes what a kill has left in the folder of originals. A bucket is
// not swept: others may keep their files in it.
func (a *App) sweepFiles(ctx context.Context) error {
	disk, ok := a.files.(*blob.Disk)
	if !ok {
		return nil
	}
	timer := time.NewTicker(sweepEvery)
	defer timer.Stop()
	for {
		n, err := disk.Sweep(ctx, time.Now().Add(-orphanAge), a.store.Blobs)
		if n > 0 {
			a.log.InfoContext(ctx, "files removed that belong to no memo", "files", n)
		}
		if err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "files that belong to no memo not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}
