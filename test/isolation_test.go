package test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"kvasir/internal/account"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/testenv"
)

// What an id of a request may name.
const (
	noID      = ""
	memoID    = "memo"      // by id, or by reference id where id_type may say so
	chatID    = "chat"      // a chat
	webhookID = "webhook"   // a webhook
	reference = "reference" // a reference id, which a project gives
	filtering = "filters"   // filters, which may ask for a reference id
)

// places says of every place in a request what ids it holds. TestTenantsAreAlone fails for
// a place that is not here: whoever adds one says what it holds, and it is tested.
var places = map[string]string{
	"path memo": memoID, "path chat": chatID, "path webhooks": webhookID,

	"query memo": memoID, "query after": noID, "header Last-Event-ID": noID, "query progress": noID,
	"query page": noID, "query page_size": noID, "query id_type": noID, "query upsert": noID,
	"query from": noID, "query to": noID, "query group_by": noID, "query limit": noID,

	"body chat_id": chatID, "body reference_id": reference, "body client_reference_id": reference,
	"body filters": filtering,

	"body query": noID, "body prompt": noID, "body rules": noID, "body system_prompt": noID, "body stream": noID,
	"body explain": noID, "body limit": noID, "body search_method": noID, "body llm_provider": noID, "body enabled": noID,
	"body max_steps": noID, "body top_k": noID, "body similarity_threshold": noID, "body diversity": noID,
	"body fusion": noID, "body hyde": noID, "body infer_filters": noID, "body keep_duplicates": noID,
	"body multi_query": noID, "body half_life_days": noID, "body weight": noID, "body tag_boosts": noID,
	"body candidates": noID, "body max_distance": noID, "body rerank": noID, "body agentic": noID, "body recency": noID,
	"body retrieval": noID, "body response_format": noID, "body json_schema": noID, "body name": noID, "body schema": noID,
	"body type": noID, "body title": noID, "body content": noID, "body url": noID, "body file": noID, "body source": noID,
	"body tags": noID, "body metadata": noID, "body scopes": noID, "body expiration_date": noID, "body processing": noID,
	"body chunk_words": noID, "body enrich": noID, "body aspects": noID, "body kinds": noID, "body texts": noID,
	"body bytes": noID, "body memos": noID, "body action": noID, "body state": noID,
}

// A tenant is a project with a key, and all that must not get out of it.
type tenant struct {
	key     string
	ids     map[string][]string // by what they name
	secrets []string
}

// TestTenantsAreAlone lets one project's key use the ids of another's in every place of
// every route, as the server's own description lists them. The answers are those for ids
// that do not exist, and nothing of the other project is in any of them.
func TestTenantsAreAlone(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		data := t.TempDir()
		aloneOn(t, "sqlite", "file:"+filepath.ToSlash(filepath.Join(data, "kvasir.db"))+"?_pragma=busy_timeout(10000)", data)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		database := testenv.Postgres(t).Database(t)
		aloneOn(t, "pgx", database+"?search_path=kvasir", t.TempDir(), "DATABASE_URL="+database)
	})
}

func aloneOn(t *testing.T, driver, database, data string, environment ...string) {
	provider, models := scripted(t)
	s := serveFolder(t, data, slices.Concat(models, environment, []string{private})...)
	victim := settle(t, s, provider)
	db, err := sql.Open(driver, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	victim.learn(t, db)
	before := victim.picture(t, s)
	for _, of := range []string{"another organization", "the same organization"} {
		p := &prober{T: t, s: s, victim: victim, key: newcomer(t, db, of == "the same organization")}
		t.Log("a project of", of)
		p.call(probe{method: "POST", path: "/api/v1/memo", body: map[string]any{"title": "Own", "content": "Own words."}})
		p.walk()
		if p.compared < 40 {
			t.Errorf("only %d answers were compared", p.compared)
		}
		defer p.hear()
	}
	if after := victim.picture(t, s); after != before {
		t.Errorf("the other project has changed from\n%s\nto\n%s", before, after)
	}
	s.stop(t) // which ends the streams
}

// settle gives the first project one of everything.
func settle(t *testing.T, s *server, provider *providertest.Server) *tenant {
	v := &tenant{key: key, ids: map[string][]string{}, secrets: []string{
		"hushcontent", "hushtitle", "hushtag", "hushmeta", "hushscope", "hushsource", "hushother", "hushquestion",
		"hushprompt", "hushhook", "hushfile", "hushletter", "hushsick", "hushbad", "sk_proj_0123",
	}}
	p := &prober{T: t, s: s, victim: &tenant{}, key: key}
	create := func(body map[string]any) string {
		made := p.must(probe{method: "POST", path: "/api/v1/memo", body: body})
		id, _ := made["memo_uuid"].(string)
		v.ids[memoID] = append(v.ids[memoID], id)
		return id
	}
	s.done(t, create(map[string]any{
		"title": "Zanzibarite hushtitle", "content": "The zanzibarite is kept at hushcontent.", "reference_id": "hushref-1",
		"source": "hushsource", "tags": []string{"hushtag"}, "metadata": map[string]any{"place": "hushmeta"},
		"scopes": map[string]any{"team": "hushscope"},
	}))
	v.ids[reference] = []string{"hushref-1"}
	_, made := s.upload(t, "hushfile.txt", []byte("The zanzibarite was seen by hushletter."))
	file, _ := made["memo_uuid"].(string)
	v.ids[memoID] = append(v.ids[memoID], file)
	s.done(t, file)
	// A provider may repeat what it does not like, and say so when it is not at fault, too.
	provider.Poison(providertest.Embed, "hushbad", providertest.Fail(400, "cannot embed: The zanzibarite of hushbad."))
	provider.Poison(providertest.Embed, "hushsick", providertest.Fail(503, "cannot embed: The zanzibarite of hushsick."))
	create(map[string]any{"reference_id": "hushother-2", "title": "Bad", "content": "The zanzibarite of hushbad."})
	create(map[string]any{"title": "Sick", "content": "The zanzibarite of hushsick."})
	eventually(t, "the provider repeated texts", func() bool {
		by := provider.Totals(providertest.Embed).ByStatus
		return by[400] > 0 && by[503] > 0
	})
	said := p.must(probe{method: "POST", path: "/api/v1/chat", body: map[string]any{
		"query": "Where is hushquestion?", "system_prompt": "You are hushprompt.",
	}})
	v.ids[chatID] = []string{said["chat_id"].(string)}
	hook := p.must(probe{method: "POST", path: "/api/v1/webhooks", body: map[string]any{"url": "http://127.0.0.1:1024/hushhook"}})
	v.ids[webhookID] = []string{hook["id"].(string)}
	return v
}

// learn adds ids that its owner sees, and that the database has, to the secrets.
func (v *tenant) learn(t *testing.T, db *sql.DB) {
	for kind, list := range v.ids {
		if kind != reference { // the probes give them to memos of their own
			v.secrets = append(v.secrets, list...)
		}
	}
	for _, query := range []string{"SELECT id FROM projects", "SELECT id FROM organizations", "SELECT id FROM chunks"} {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			v.secrets = append(v.secrets, id)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// picture tells what the project has, as its owner sees it.
func (v *tenant) picture(t *testing.T, s *server) string {
	p := &prober{T: t, s: s, victim: &tenant{}, key: v.key}
	var b strings.Builder
	for kind, path := range map[string]string{memoID: "/api/v1/memo/", chatID: "/api/v1/chat/", webhookID: "/api/v1/webhooks/"} {
		for _, id := range v.ids[kind][:min(2, len(v.ids[kind]))] { // the others are on their way
			b.WriteString(p.call(probe{method: "GET", path: path + id}).plain + "\n")
		}
	}
	for _, path := range []string{"/api/v1/memo", "/api/v1/chat", "/api/v1/webhooks", "/api/v1/processing"} {
		answer := p.must(probe{method: "GET", path: path})
		fmt.Fprintln(&b, path, answer["count"], answer["enrich"], answer["chunk_words"])
	}
	lines := strings.Split(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// newcomer makes a further project, as accounts will once there are any.
func newcomer(t *testing.T, db *sql.DB, sameOrganization bool) (secret string) {
	made, organization, project := account.NewKey(), uuid.NewString(), uuid.NewString()
	if sameOrganization {
		if err := db.QueryRowContext(t.Context(), "SELECT organization FROM projects WHERE bootstrap").Scan(&organization); err != nil {
			t.Fatal(err)
		}
	} else {
		execute(t, db, "INSERT INTO organizations (id, name, created) VALUES ($1, 'Other', 0)", organization)
	}
	execute(t, db, "INSERT INTO projects (id, organization, name, bootstrap, created) VALUES ($1, $2, 'Other', false, 0)",
		project, organization)
	execute(t, db, "INSERT INTO api_keys (hash, prefix, project, bootstrap, created) VALUES ($1, $2, $3, false, 0)",
		made.Hash(), made.Prefix(), project)
	return made.Reveal()
}

func execute(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// A prober sends requests with a key, and looks into every answer for what belongs to
// the victim.
type prober struct {
	*testing.T
	s      *server
	victim *tenant
	key    string

	compared int
	streams  []*stream
}

// A probe is a request.
type probe struct {
	method, path string
	query        url.Values
	body         map[string]any
	form         bool // the body is a form with a file
}

func (p probe) String() string {
	return fmt.Sprintf("%s %s?%s %v", p.method, p.path, p.query.Encode(), p.body)
}

// A reply is an answer, whole and without what differs each time.
type reply struct {
	status int
	kind   string
	plain  string
}

var (
	anyUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

func (p *prober) request(ask probe) *http.Response {
	p.Helper()
	var body bytes.Buffer
	contentType := "application/json"
	if ask.form {
		form := multipart.NewWriter(&body)
		for name, value := range ask.body {
			_ = form.WriteField(name, fmt.Sprint(value)) // into memory
		}
		file, err := form.CreateFormFile("file", "own.txt")
		if err == nil {
			_, err = io.WriteString(file, "Own words in a file.")
		}
		if err != nil || form.Close() != nil {
			p.Fatal("the form cannot be written: ", err)
		}
		contentType = form.FormDataContentType()
	} else if ask.body != nil {
		if err := json.NewEncoder(&body).Encode(ask.body); err != nil {
			p.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(p.Context(), ask.method, p.s.url+ask.path+"?"+ask.query.Encode(), &body)
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	return res
}

func (p *prober) call(ask probe) reply {
	p.Helper()
	res := p.request(ask)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	if strings.Contains(ask.path, "{") {
		p.Errorf("%v names nothing", ask)
	}
	if res.StatusCode >= 500 {
		p.Errorf("%v is answered %d %s; the log says\n%s", ask, res.StatusCode, body, p.s.log.String())
	}
	head := fmt.Sprint(res.Header)
	p.look(ask, string(body)+head)
	plain := anyTime.ReplaceAllString(anyUUID.ReplaceAllString(string(body), "UUID"), "TIME")
	return reply{res.StatusCode, res.Header.Get("Content-Type"), plain}
}

// look searches an answer for what belongs to the victim and was not in the question.
func (p *prober) look(ask probe, answer string) {
	p.Helper()
	asked := ask.String()
	for _, secret := range p.victim.secrets {
		if strings.Contains(answer, secret) && !strings.Contains(asked, secret) {
			p.Errorf("%v tells %s of another project:\n%.500s", ask, secret, answer)
		}
	}
}

// must returns the JSON of a good answer.
func (p *prober) must(ask probe) (object map[string]any) {
	p.Helper()
	res := p.request(ask)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	if err != nil {
		p.Fatalf("%v: %v: %s", ask, err, body)
	}
	_ = json.Unmarshal(body, &object) // a list has no keys
	return object
}

// A stream is one that was opened, read until the server stops.
type stream struct {
	ask  probe
	done sync.WaitGroup
	said string
}

func (p *prober) open(ask probe) {
	p.Helper()
	res := p.request(ask)
	st := &stream{ask: ask}
	st.done.Go(func() {
		defer res.Body.Close()
		said, _ := io.ReadAll(res.Body) // it ends when the server does
		st.said = fmt.Sprint(res.StatusCode, " ", string(said))
	})
	p.streams = append(p.streams, st)
}

// hear looks at what the streams have said, when all is over.
func (p *prober) hear() {
	for _, st := range p.streams {
		st.done.Wait()
		p.look(st.ask, st.said)
		if own := strings.Contains(st.said, `"title":"Own"`); own != (st.ask.query.Get("memo") == "") {
			p.Errorf("%v tells of the own memo: %v\n%s", st.ask, own, st.said)
		}
	}
}

// An operation is one as OpenAPI describes it.
type operation struct {
	Parameters  []struct{ Name, In string }
	RequestBody struct {
		Content map[string]struct {
			Schema  schema
			Example map[string]any
		}
	}
	Responses map[string]struct{ Content map[string]any }
}

// A schema is as much of one as tells which fields there are.
type schema struct {
	Ref                 string `json:"$ref"`
	Properties          map[string]schema
	Items               *schema
	AnyOf, OneOf, AllOf []schema
}

// walk tries every route that the server describes.
func (p *prober) walk() {
	res, err := http.Get(p.s.url + "/openapi.json")
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	var api struct {
		Paths      map[string]map[string]operation
		Components struct{ Schemas map[string]schema }
	}
	if err := json.NewDecoder(res.Body).Decode(&api); err != nil {
		p.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for method, op := range api.Paths[path] {
			base := probe{method: strings.ToUpper(method), path: path, query: url.Values{}}
			where := p.parameters(path, op)
			if len(op.RequestBody.Content) == 0 {
				p.try(base, op, where)
			}
			for kind, media := range op.RequestBody.Content {
				withBody := base
				withBody.form = strings.HasPrefix(kind, "multipart/")
				withBody.body = maps.Clone(media.Example)
				if withBody.body == nil {
					withBody.body = map[string]any{}
				}
				p.try(withBody, op, append(where, p.fields(media.Schema, api.Components.Schemas, nil)...))
			}
		}
	}
}

// A place is where in a request an id may be.
type place struct{ in, name, of string }

func (p *prober) known(in, name, as string) []place {
	of, known := places[in+" "+as]
	if !known {
		p.Errorf("nobody has said whether the %s %s holds an id of a tenant: add it to places", in, as)
	}
	if of == noID {
		return nil
	}
	return []place{{in, name, of}}
}

func (p *prober) parameters(path string, op operation) (where []place) {
	for _, parameter := range op.Parameters {
		as := parameter.Name
		if parameter.In == "path" { // it is called after the segment before it
			segments := strings.Split(path, "/")
			at := slices.Index(segments, "{"+parameter.Name+"}")
			as = segments[max(at, 1)-1]
		}
		where = append(where, p.known(parameter.In, parameter.Name, as)...)
	}
	return where
}

// fields returns the places in a body. Those that hold ids lie at its top.
func (p *prober) fields(s schema, all map[string]schema, seen []string) (where []place) {
	if name := strings.TrimPrefix(s.Ref, "#/components/schemas/"); name != "" {
		if slices.Contains(seen, name) {
			return nil
		}
		return p.fields(all[name], all, append(seen, name))
	}
	for name, field := range s.Properties {
		if places["body "+name] == filtering {
			where = append(where, p.known("body", name, name)...)
		} else if below := p.fields(field, all, seen); len(field.Properties)+len(below) == 0 && field.Ref == "" {
			where = append(where, p.known("body", name, name)...)
		} else {
			where = append(where, below...)
		}
	}
	for _, part := range slices.Concat(s.AnyOf, s.OneOf, s.AllOf) {
		where = append(where, p.fields(part, all, seen)...)
	}
	if s.Items != nil {
		where = append(where, p.fields(*s.Items, all, seen)...)
	}
	return where
}

// try uses a route as one should, and with ids that are somebody else's.
func (p *prober) try(base probe, op operation, where []place) {
	for _, words := range []string{"query", "prompt"} {
		if _, has := base.body[words]; has {
			base.body[words] = "Where is the zanzibarite kept?"
			delete(base.body, "filters")
		}
	}
	_, streams := op.Responses["200"].Content["text/event-stream"]
	streams = streams && base.method == "GET"
	if !strings.Contains(base.path, "{") {
		p.natural(base, streams)
	}
	for _, at := range where {
		for _, id := range p.victim.of(at.of) {
			mine, nobodys := base.with(at, id), base.with(at, ghost(id))
			if streams {
				p.open(mine)
				p.open(nobodys)
				continue
			}
			p.compare(mine, nobodys, id)
			if slices.ContainsFunc(op.Parameters, func(o struct{ Name, In string }) bool { return o.Name == "upsert" }) {
				p.compare(mine.withQuery("upsert", "true"), nobodys.withQuery("upsert", "true"), id)
			}
		}
		if slices.ContainsFunc(op.Parameters, func(o struct{ Name, In string }) bool { return o.Name == "id_type" }) && at.in == "path" {
			for _, id := range p.victim.of(reference) {
				p.compare(base.with(at, id).withQuery("id_type", "reference_id"),
					base.with(at, ghost(id)).withQuery("id_type", "reference_id"), id)
			}
		}
	}
}

// natural uses a route with nobody's id.
func (p *prober) natural(base probe, streams bool) {
	if streams {
		p.open(base.withQuery("after", "0"))
		return
	}
	p.call(base)
	if _, has := base.body["query"]; has {
		for _, method := range []string{"title_contains", "title_startswith", "chunk_vector_search"} {
			p.call(base.with(place{"body", "search_method", ""}, method).with(place{"body", "query", ""}, "zanzibarite"))
		}
		p.call(base.with(place{"body", "stream", ""}, true).with(place{"body", "explain", ""}, true))
	}
}

// of returns ids that belong to the victim.
func (v *tenant) of(kind string) []string {
	if kind == filtering {
		kind = reference
	}
	return v.ids[kind]
}

// ghost returns an id of the same form that nobody has.
func ghost(id string) string {
	if anyUUID.MatchString(id) {
		return uuid.Must(uuid.NewV7()).String()
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r < 'z' {
			return r + 1
		}
		return r
	}, id)
}

func (p probe) with(at place, value any) probe {
	switch at.in {
	case "path":
		p.path = strings.Replace(p.path, "{"+at.name+"}", value.(string), 1)
	case "query":
		return p.withQuery(at.name, value.(string))
	default:
		p.body = maps.Clone(p.body)
		if at.of == filtering {
			value = []any{map[string]any{
				"field": "client_reference_id", "operator": "eq", "value": value, "filter_type": "native_field",
			}}
		}
		p.body[at.name] = value
	}
	return p
}

func (p probe) withQuery(name, value string) probe {
	p.query = maps.Clone(p.query)
	p.query.Set(name, value)
	return p
}

// filled gives a probe a memo of its own where it names one beside the id that it tries.
func (p *prober) filled(ask probe) probe {
	p.Helper()
	if !strings.Contains(ask.path, "{") {
		return ask
	}
	own := p.must(probe{method: "POST", path: "/api/v1/memo", body: map[string]any{"title": "Own", "content": "Own words."}})
	return ask.with(place{"path", "id", memoID}, own["memo_uuid"])
}

// compare fails the test unless somebody else's id is answered as nobody's is.
func (p *prober) compare(somebodys, nobodys probe, id string) {
	p.Helper()
	p.compared++
	got, want := p.call(p.filled(somebodys)), p.call(p.filled(nobodys))
	for _, made := range []string{id, ghost(id)} { // what a memo was called so is to be no answer to the next probe
		if !anyUUID.MatchString(made) {
			p.call(probe{method: "DELETE", path: "/api/v1/memo/" + made, query: url.Values{"id_type": {"reference_id"}}})
		}
	}
	got.plain = strings.ReplaceAll(got.plain, id, "ID")
	want.plain = strings.ReplaceAll(want.plain, ghost(id), "ID")
	if got != want {
		p.Errorf("%v is answered\n%+v\nand with an id that nobody has\n%+v", somebodys, got, want)
	}
}
