package config

import "kvasir/internal/ledger"

// prices are what known models cost, in dollars for a million tokens, and for a
// thousand searches of Cohere's, as their vendors published it in August 2026. Gemini's are those of prompts of up to
// 200,000 tokens. An entry of the file of lanes may say otherwise; a model that
// neither knows is entered as free.
var prices = map[string]ledger.Price{
	"gpt-4o":       {Input: 2.50, Cached: 1.25, Output: 10},
	"gpt-4o-mini":  {Input: 0.15, Cached: 0.075, Output: 0.60},
	"gpt-4.1":      {Input: 2, Cached: 0.50, Output: 8},
	"gpt-4.1-mini": {Input: 0.40, Cached: 0.10, Output: 1.60},
	"gpt-4.1-nano": {Input: 0.10, Cached: 0.025, Output: 0.40},
	"gpt-5":        {Input: 1.25, Cached: 0.125, Output: 10},
	"gpt-5-mini":   {Input: 0.25, Cached: 0.025, Output: 2},
	"gpt-5-nano":   {Input: 0.05, Cached: 0.005, Output: 0.40},

	"claude-sonnet-4-5-20250929": {Input: 3, Cached: 0.30, Output: 15},
	"claude-haiku-4-5-20251001":  {Input: 1, Cached: 0.10, Output: 5},

	"gemini-2.5-pro":        {Input: 1.25, Cached: 0.125, Output: 10},
	"gemini-2.5-flash":      {Input: 0.30, Cached: 0.03, Output: 2.50},
	"gemini-2.5-flash-lite": {Input: 0.10, Cached: 0.01, Output: 0.40},

	"llama-3.1-8b-instant":    {Input: 0.05, Cached: 0.05, Output: 0.08},
	"llama-3.3-70b-versatile": {Input: 0.59, Cached: 0.59, Output: 0.79},

	"text-embedding-3-small": {Input: 0.02},
	"text-embedding-3-large": {Input: 0.13},
	"gemini-embedding-001":   {Input: 0.15},
	"voyage-3-large":         {Input: 0.18},
	"voyage-3.5":             {Input: 0.06},
	"voyage-3.5-lite":        {Input: 0.02},

	"rerank-2":        {Input: 0.05},
	"rerank-2-lite":   {Input: 0.02},
	"rerank-2.5":      {Input: 0.05},
	"rerank-2.5-lite": {Input: 0.02},

	"rerank-v3.5":      {Search: 2},
	"rerank-v4.0-fast": {Search: 2},
	"rerank-v4.0-pro":  {Search: 2.50},

	"jina-reranker-v2-base-multilingual": {Input: 0.05},
	"jina-reranker-m0":                   {Input: 0.05},
	"jina-reranker-v3":                   {Input: 0.05},
}

// priced gives a lane the price of its model, unless its entry has named one.
// Models of one's own are free, whatever their names.
func priced(l Lane) Lane {
	if fast, ok := prices[l.FastModel]; ok && l.FastPrice == nil {
		l.FastPrice = &fast
	}
	switch {
	case l.Priced:
	case l.Provider == Local, l.Protocol == Service, l.Protocol == TEI, l.Protocol == MiniLM, l.Protocol == Extractive:
		l.Priced = true
	default:
		l.Price, l.Priced = prices[l.Model]
	}
	return l
}
