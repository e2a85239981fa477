package test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"kvasir/client"
	"kvasir/internal/testenv"
)

// TestVectorsInTheDatabase has two nodes without room for any vectors: one adds memos,
// and both find the same as one with room for all, also by a replica of the database.
func TestVectorsInTheDatabase(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	url := cluster.Database(t)
	_, environment := scripted(t)
	environment = append(environment, "DATABASE_URL="+url)
	roomy, tight := serve(t, environment...), serve(t, append(environment, "KVASIR_INDEX_BYTES=1")...)
	post(t, tight.Client, 40)
	processed(t, tight)
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	holds := func(condition string) func() bool {
		return func() (yes bool) {
			_ = c.QueryRow(t.Context(), "SELECT coalesce(("+condition+"), false)").Scan(&yes) // not yet
			return yes
		}
	}
	find := func(s *server, query string) (found []string) {
		t.Helper()
		hits, err := s.Search(t.Context(), client.SearchRequest{Query: query, Limit: 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			found = append(found, h.MemoID)
		}
		return found
	}
	find(tight, "ducks") // it learns that there is no room
	eventually(t, "the vectors are in the database", holds(`
SELECT ready AND seq = (SELECT max(seq) FROM kvasir.memo_changes) AND vectors = (SELECT count(*) FROM kvasir.vectors)
FROM kvasir.outside_projects`))
	replicated := serve(t, append(environment, "KVASIR_INDEX_BYTES=1", "DATABASE_REPLICA_URL="+cluster.Replica(t).Of(url))...)
	if _, err := c.Exec(t.Context(), "SELECT pg_stat_reset()"); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		query := fmt.Sprint("memo ", i, " about ducks")
		want := find(roomy, query)
		for name, s := range map[string]*server{"without room": tight, "with a replica": replicated} {
			if got := find(s, query); len(got) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s, %q finds %v, want %v", name, query, got, want)
			}
		}
	}
	eventually(t, "vectors were looked for in the database", holds(
		`SELECT idx_scan > 0 FROM pg_stat_user_tables WHERE relname = 'outside_vectors'`))
	gone := find(tight, "ducks")[0]
	if err := roomy.DeleteMemo(t.Context(), client.ByID(gone)); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(find(tight, "ducks"), gone) {
		t.Error("what is deleted is found")
	}
}
