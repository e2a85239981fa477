package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"kvasir/internal/fault"
)

// A kind is what a column holds, in either database.
type kind byte

const (
	textKind  kind = 't'
	intKind   kind = 'i'
	boolKind  kind = 'b'
	bytesKind kind = 'x'
	realKind  kind = 'r'
)

// A table is one that is kept in a backup: its columns in order, and by how many of
// the first ones its rows are told apart.
type table struct {
	name    string
	key     int
	columns []column
}

type column struct {
	name string
	kind kind
}

// tables are all of them, each after those that it refers to. What processes share for
// a few seconds is not kept. A column is written name:kind, of which those left of |
// are the key.
var tables = []table{
	parseTable("organizations", "id:t | name:t created:i"),
	parseTable("projects", "id:t | organization:t name:t bootstrap:b created:i processing:t"),
	parseTable("api_keys", "hash:t | prefix:t project:t bootstrap:b created:i"),
	parseTable("webhooks", "id:t | project:t url:t kinds:t secret:t created:i cursor:i attempt:i not_before:i "+
		"last_error:t last_taken:i"),
	parseTable("memos", "id:t | project:t type:t title:t source:t reference_id:t tags:t metadata:t scopes:t expires:i "+
		"archived:b summary:t created:i updated:i stage:t generation:i live_generation:i attempt:i queued:i not_before:i "+
		"waiting_for:t error:t started:i completed:i api_key:t auto_tags:t pages_done:i pages_total:i"),
	parseTable("generations", "memo:t generation:i | title:t hash:t bytes:i length:i file_name:t file_type:t file_size:i "+
		"file_blob:t file_hash:t content:x"),
	parseTable("generation_details", "memo:t generation:i | url:t untitled:b processing:t added:t parts:t"),
	parseTable("pieces", "memo:t generation:i piece:i | content:x"),
	parseTable("index_versions", "id:i | state:t model:t dimensions:i chunker:t cut:i built:b dirty:i done:i created:i flipped:i"),
	parseTable("chunkers", "id:i | name:t"),
	parseTable("chunks", "memo:t generation:i cut:i position:i | id:t start_byte:i end_byte:i headings:t header:t page:i "+
		"chunker:i"),
	parseTable("models", "id:i | name:t dimensions:i"),
	parseTable("vectors", "chunk:t model:i | vector:x"),
	parseTable("enrichments", "memo:t generation:i aspect:t cut:i position:i | texts:t error:t stale:b"),
	parseTable("memo_changes", "seq:i | project:t memo:t deleted:b"),
	parseTable("events", "seq:i | project:t kind:t at:i memo:t reference_id:t title:t generation:i error:t"),
	parseTable("chats", "id:t | project:t title:t message_count:i last_message:i created:i"),
	parseTable("messages", "chat:t position:i | id:t sent_by:t sent:i system_prompt:t cut:b content:t"),
	parseTable("vector_spaces", "id:i | organization:t model:t dimensions:i input:t"),
	parseTable("cached_vectors", "id:i | space:i hash:t used:i vector:x"),
	parseTable("usage", "project:t day:i kind:t provider:t model:t api_key:t memo:t | requests:i input_tokens:i "+
		"cached_tokens:i output_tokens:i cost:i"),
}

func parseTable(name, columns string) table {
	t := table{name: name}
	for c := range strings.FieldsSeq(columns) {
		if c == "|" {
			t.key = len(t.columns)
			continue
		}
		name, k, _ := strings.Cut(c, ":")
		t.columns = append(t.columns, column{name, kind(k[0])})
	}
	return t
}

// names returns the names of columns, with commas between them.
func names(columns []column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

func placeholders(from, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(from+i)
	}
	return strings.Join(list, ", ")
}

// dumpRows is how many rows are read by one statement.
const dumpRows = 500

// Dump hands every row of every table to put, all as of one moment, as a JSON array
// in the order of [Store.Columns]; bytes are in base64.
func (s *Store) Dump(ctx context.Context, put func(table string, row json.RawMessage) error) error {
	return s.db.Read(ctx, func(tx Tx) error {
		for i := range tables {
			if err := tables[i].dump(ctx, tx, put); err != nil {
				return fmt.Errorf("dump %s: %w", tables[i].name, err)
			}
		}
		return nil
	})
}

func (t *table) dump(ctx context.Context, tx Tx, put func(string, json.RawMessage) error) error {
	first := "SELECT " + names(t.columns) + " FROM " + t.name
	rest := " ORDER BY " + names(t.columns[:t.key]) + " LIMIT " + strconv.Itoa(dumpRows)
	next := first + " WHERE (" + names(t.columns[:t.key]) + ") > (" + placeholders(1, t.key) + ")" + rest
	statement, key := first+rest, []any(nil)
	for {
		rows, err := collect(ctx, tx, t.scan, statement, key...)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			line, err := json.Marshal(row)
			if err != nil {
				return err
			}
			if err := put(t.name, line); err != nil {
				return err
			}
		}
		statement, key = next, rows[len(rows)-1][:t.key]
	}
}

// scan reads a row into what JSON has for it.
func (t *table) scan(r Rows) ([]any, error) {
	dest := make([]any, len(t.columns))
	for i, c := range t.columns {
		switch c.kind {
		case textKind:
			dest[i] = new(*string)
		case intKind:
			dest[i] = new(*int64)
		case boolKind:
			dest[i] = new(*bool)
		case realKind:
			dest[i] = new(*float64)
		case bytesKind:
			dest[i] = new([]byte)
		}
	}
	if err := r.Scan(dest...); err != nil {
		return nil, err
	}
	row := make([]any, len(dest))
	for i, d := range dest {
		switch v := d.(type) {
		case **string:
			row[i] = value(*v)
		case **int64:
			row[i] = value(*v)
		case **bool:
			row[i] = value(*v)
		case **float64:
			row[i] = value(*v)
		case *[]byte:
			if *v != nil {
				row[i] = base64.StdEncoding.EncodeToString(*v)
			}
		}
	}
	return row, nil
}

// value returns what p points to, nil for none.
func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// Columns returns the names of the columns of each table that is kept in a backup, in
// the order in which the tables are to be restored.
func (s *Store) Columns() (order []string, columns map[string][]string) {
	columns = map[string][]string{}
	for i := range tables {
		t := &tables[i]
		order = append(order, t.name)
		for _, c := range t.columns {
			columns[t.name] = append(columns[t.name], c.name)
		}
	}
	return order, columns
}

// IsEmpty reports whether nothing is stored yet.
func (s *Store) IsEmpty(ctx context.Context) (empty bool, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		n, _, err := find(ctx, tx, scanInt, "SELECT count(*) FROM organizations")
		empty = n == 0
		return err
	})
	return empty, err
}

// Restore stores rows that [Store.Dump] has given, of the columns that they had then.
// A column that is missing has its default.
func (s *Store) Restore(ctx context.Context, name string, columns []string, rows []json.RawMessage) error {
	t, chosen, err := restorable(name, columns)
	if err != nil {
		return err
	}
	statement := "INSERT INTO " + t.name + " (" + names(chosen) + ") VALUES (" + placeholders(1, len(chosen)) + ")"
	return s.db.Write(ctx, func(tx Tx) error {
		each := make([][]any, len(rows))
		for i, row := range rows {
			var err error
			if each[i], err = decodeRow(row, chosen); err != nil {
				return fault.Wrap(fault.Invalid, "a row of "+name+" cannot be read", err)
			}
		}
		if _, err := tx.ExecEach(ctx, statement, each); err != nil {
			return fmt.Errorf("restore rows of %s: %w", name, err)
		}
		return nil
	})
}

// restorable finds a table and the columns that a backup has of it.
func restorable(name string, have []string) (*table, []column, error) {
	for i := range tables {
		t := &tables[i]
		if t.name != name {
			continue
		}
		var chosen []column
		for _, h := range have {
			at := -1
			for j, c := range t.columns {
				if c.name == h {
					at = j
				}
			}
			if at < 0 {
				return nil, nil, fault.New(fault.Conflict, fmt.Sprintf("the backup was made by a newer Kvasir: %s has no %s here", name, h))
			}
			chosen = append(chosen, t.columns[at])
		}
		return t, chosen, nil
	}
	return nil, nil, fault.New(fault.Conflict, "the backup was made by a newer Kvasir: there is no "+name+" here")
}

func decodeRow(row json.RawMessage, columns []column) ([]any, error) {
	var values []json.RawMessage
	if err := json.Unmarshal(row, &values); err != nil {
		return nil, err
	}
	if len(values) != len(columns) {
		return nil, fmt.Errorf("%d values for %d columns", len(values), len(columns))
	}
	args := make([]any, len(values))
	for i, v := range values {
		if string(v) == "null" {
			continue
		}
		var err error
		switch columns[i].kind {
		case textKind:
			args[i], err = decode[string](v)
		case intKind:
			args[i], err = decode[int64](v)
		case boolKind:
			args[i], err = decode[bool](v)
		case realKind:
			args[i], err = decode[float64](v)
		case bytesKind:
			args[i], err = decode[[]byte](v)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", columns[i].name, err)
		}
	}
	return args, nil
}

func decode[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}
