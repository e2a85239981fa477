// Kvasir is a RAG backend in one binary: memos in, cited answers out.
package main

func main() {}
