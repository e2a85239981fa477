package store

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryTableIsKept compares what a backup keeps with the schema: who adds a table or
// a column says here whether it is kept.
func TestEveryTableIsKept(t *testing.T) {
	t.Parallel()
	passing := []string{
		"duties", "lane_shares", // renewed every second
		"memos.claimed_by", "memos.claimed_until", // of processes
		"memos.due", // computed
	}
	schema, err := os.ReadFile(filepath.Join("sqlite", "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for _, table := range tables {
		kept[table.name] = true
		for _, c := range table.columns {
			kept[table.name+"."+c.name] = true
		}
	}
	create := regexp.MustCompile(`(?s)CREATE TABLE "?(\w+)"? \((.*?)\n(?:\)|, .*?\))(?: WITHOUT ROWID)?;`)
	column := regexp.MustCompile(`(?m)(?:^ +|, )([a-z_]+) +(?:text|integer|bigint|boolean|blob|double precision)\b`)
	seen := 0
	for _, found := range create.FindAllStringSubmatch(string(schema), -1) {
		name := found[1]
		if slices.Contains(passing, name) {
			continue
		}
		seen++
		if !kept[name] {
			t.Errorf("the table %s is not kept", name)
		}
		for _, c := range column.FindAllStringSubmatch(strings.TrimPrefix(found[0], "CREATE TABLE"), -1) {
			if at := name + "." + c[1]; !kept[at] && !slices.Contains(passing, at) {
				t.Errorf("the column %s is not kept", at)
			}
			delete(kept, name+"."+c[1])
		}
		delete(kept, name)
	}
	if seen < 15 || len(kept) > 0 {
		t.Errorf("%d tables were compared; kept, but not in the schema: %v", seen, kept)
	}
}
