// Package providertest is a model provider that misbehaves on demand: a real HTTP
// server that speaks the protocols of our adapters, answers deterministically,
// fails as its script says, and remembers what it was asked.
//
// # Protocols
//
// One address serves them all, each where its base URL leads:
//
//	POST /v1/embeddings         OpenAI and Voyage, base64 or numbers
//	POST /v1/chat/completions   OpenAI, streamed or whole
//	POST /v1/rerank             Voyage, and Jina
//	POST /v2/rerank             Cohere
//	POST /v1/messages           Anthropic, streamed or whole
//	POST /v1beta/models/M:…     Gemini, streamGenerateContent?alt=sse and batchEmbedContents
//	POST /embed, /rerank        Skald's embedding service; /rerank of TEI, too
//
// # Answers
//
// They are functions of the request, so tests can assert on meaning. Vectors are
// hashed bags of words ([Embedding]): texts that share words are near each other.
// A chat answer repeats the question and ends with the citation [[1]] ([Answer]).
// A reranker's score is the share of the query's words that the document has
// ([Overlap]); a chat that is given documents to judge gives the same scores, and one
// that is asked for other JSON an empty object. A token of a
// text is a word, in usage as in limits.
//
// # Behaviour
//
// Without more every request succeeds at once. A [Behaviour] gives each kind of
// request limits of requests and tokens a minute, as buckets that fill all the
// time, with the headers that vendors send; latencies that vary and have a tail; and
// failures by chance. [Server.Behave] changes it while the server runs, as does PUT
// /behaviour where [Options.Control] is set: the body is a Behaviour in JSON, and
// what it does not name stays as it was.
//
// # Script
//
// What a request within the limits gets may be said exactly. [Script] holds rules for
// each kind of request: what the next ones get, what every nth gets, what a text with
// a marker gets. It comes before chance. An [Action] says what happens to one request:
//
//	srv := providertest.Start(providertest.Options{})
//	defer srv.Close()
//	srv.Next(providertest.Embed, providertest.Throttle(2*time.Second))
//	srv.Next(providertest.Chat, providertest.Action{Fault: providertest.Cut, After: 3})
//	srv.Sometimes(providertest.Embed, 0.2, providertest.Fail(500, "overloaded"))
//	srv.Poison(providertest.Embed, "ARSENIC", providertest.Fail(400, "indigestible"))
//
// # Record
//
// [Record] keeps each request and how it ended, among others whether the client
// hung up, and can wait for a condition. It never keeps a key, only whether one
// was sent. With [Options.Remember] its [Totals] tell whether a text was embedded
// twice, which nobody should pay for.
//
// The package needs no testing.T, so that programs can use it, too.
package providertest
