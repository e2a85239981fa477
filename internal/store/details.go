package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const (
	insertDetails = `
INSERT INTO generation_details (memo, generation, url, untitled, processing) VALUES ($1, $2, $3, $4, $5)`
	// A person's title or text is no stand-in. The parts of a text go with it.
	carryDetails = `
INSERT INTO generation_details (memo, generation, url, untitled, processing, added, parts)
SELECT memo, generation + 1, url, untitled AND $3, processing, added, CASE WHEN $4 THEN parts ELSE '[]' END
FROM generation_details WHERE memo = $1 AND generation = $2`
	saveParts = `
INSERT INTO generation_details (memo, generation, parts) VALUES ($1, $2, $3)
ON CONFLICT (memo, generation) DO UPDATE SET parts = excluded.parts`
	saveAdded = `
INSERT INTO generation_details (memo, generation, added) VALUES ($1, $2, $3)
ON CONFLICT (memo, generation) DO UPDATE SET added = excluded.added`
	keepTitle   = `UPDATE generation_details SET untitled = false WHERE memo = $1 AND generation = $2 AND untitled`
	findDetails = `
SELECT p.processing, coalesce(d.url, ''), coalesce(d.untitled, false), coalesce(d.processing, '{}'),
	coalesce(d.added, '[]')
FROM memos m JOIN projects p ON p.id = m.project
LEFT JOIN generation_details d ON d.memo = m.id AND d.generation = $2
WHERE m.id = $1`
	findParts         = `SELECT parts FROM generation_details WHERE memo = $1 AND generation = $2`
	projectProcessing = `SELECT processing FROM projects WHERE id = $1`
	setProcessing     = `UPDATE projects SET processing = $2 WHERE id = $1`
)

// details are what few generations have.
type details struct {
	url        string
	untitled   bool
	processing memo.Processing
	added      []memo.Aspect // asked for later, by Reenrich
	project    memo.Processing
}

// insert returns the statement that stores them, if there is anything to store.
func (d details) insert(id memo.ID, generation int) []Statement {
	if d.url == "" && !d.untitled && d.processing.ChunkWords == 0 && d.processing.Enrich == nil {
		return nil
	}
	return []Statement{{
		Text: insertDetails, Args: []any{id, generation, d.url, d.untitled, toJSON(d.processing)},
	}}
}

// wanted returns how the generation is processed.
func (d details) wanted() memo.Processing {
	p := d.processing.Or(d.project)
	for _, a := range d.added {
		if !p.Wants(a) {
			p.Enrich = append(slices.Clip(p.Enrich), a)
		}
	}
	return p
}

func detailsOf(ctx context.Context, tx Tx, id memo.ID, generation int) (details, error) {
	d, _, err := find(ctx, tx, func(r Rows) (d details, err error) {
		var c processingColumns
		if err = r.Scan(&c.project, &d.url, &d.untitled, &c.own, &c.added); err == nil {
			err = c.decode(&d)
		}
		return d, err
	}, findDetails, id, generation)
	return d, err
}

// processingColumns are what says how a generation is processed, as it is stored.
type processingColumns struct{ project, own, added string }

func (c processingColumns) decode(d *details) (err error) {
	if d.project, err = fromJSON[memo.Processing](c.project); err != nil {
		return err
	}
	if d.processing, err = fromJSON[memo.Processing](c.own); err != nil {
		return err
	}
	d.added, err = fromJSON[[]memo.Aspect](c.added)
	return err
}

// partsOf returns the parts of a generation's text, nil if it has none.
func partsOf(ctx context.Context, tx Tx, id memo.ID, generation int) ([]memo.Part, error) {
	stored, ok, err := find(ctx, tx, scanString[string], findParts, id, generation)
	if err != nil || !ok {
		return nil, err
	}
	return fromJSON[[]memo.Part](stored)
}

// Parts returns the pages, sheets, … of a memo's live text, none if it has none.
func (s *Store) Parts(ctx context.Context, p account.ProjectID, id memo.ID) (parts []memo.Part, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, memo.Ref{ID: id})
		if err == nil {
			parts, err = partsOf(ctx, tx, id, m.Progress.Live)
		}
		return err
	})
	return parts, err
}

// Processing returns how the project's memos are cut and enriched if they do not
// say it themselves.
func (s *Store) Processing(ctx context.Context, p account.ProjectID) (set memo.Processing, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		stored, ok, err := find(ctx, tx, scanString[string], projectProcessing, p)
		if err == nil && !ok {
			err = errNoProject()
		}
		if err != nil {
			return err
		}
		set, err = fromJSON[memo.Processing](stored)
		return err
	})
	return set, err
}

// SetProcessing sets it, for the memos that are taken up from now on.
func (s *Store) SetProcessing(ctx context.Context, p account.ProjectID, set memo.Processing) error {
	return s.db.Write(ctx, func(tx Tx) error {
		n, err := tx.Exec(ctx, setProcessing, p, toJSON(set))
		if err == nil && n == 0 {
			err = errNoProject()
		}
		return err
	})
}

func errNoProject() error { return fault.New(fault.NotFound, "There is no such project") }

// toJSON encodes what cannot fail to be encoded.
func toJSON[T []string | map[string]string | memo.Processing | []memo.Aspect | []memo.Part](v T) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return string(b)
}

// fromJSON decodes it; the empty value is the zero value.
func fromJSON[T memo.Processing | []memo.Aspect | []memo.Part](s string) (v T, err error) {
	if s == "" || s == "{}" || s == "[]" {
		return v, nil
	}
	err = json.Unmarshal([]byte(s), &v)
	return v, err
}
