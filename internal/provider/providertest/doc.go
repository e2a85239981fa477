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
//	POST /v1/rerank             Voyage
//	POST /embed, /rerank        Skald's embedding service
//
// # Answers
//
// They are functions of the request, so tests can assert on meaning. Vectors are
// hashed bags of words ([Embedding]): texts that share words are near each other.
// A chat answer repeats the question and ends with the citation [[1]] ([Answer]).
// A reranker's score is the share of the query's words that the document has
// ([Overlap]); a chat that is asked for JSON gives the same scores. Usage counts
// words.
//
// # Script
//
// Without a script every request succeeds at once. [Script] holds rules for each
// kind of request: what the next ones get, what every nth gets, what a text with
// a marker gets, and a rate limit. An [Action] says what happens to one request:
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
// was sent.
//
// The package needs no testing.T, so that programs can use it, too.
package providertest
