package config

import (
	"maps"
	"slices"
	"strings"
)

// An UnusedVariable is a variable of Skald's that is set and does nothing.
type UnusedVariable struct {
	Name string
	Why  string
}

// Reasons that several variables share.
const (
	noParts     = "a database is named by DATABASE_URL as a whole"
	noBroker    = "work is queued in the database: there is no broker"
	noBucket    = "originals are kept in the data folder; naming a bucket, without KVASIR_BLOB=disk, keeps them there"
	noAccounts  = "there are no accounts and no mails: API keys only"
	noCloud     = "there are no plans and no payments"
	noReporting = "nothing is reported to anybody"
	ownParsers  = "documents are read in this process"
)

// unused are the variables of Skald's that do nothing here. A name that ends
// with an underscore stands for all that begin with it.
var unused = map[string]string{
	"DB_": noParts, "POSTGRES_": noParts,

	"INTER_PROCESS_QUEUE": noBroker, "CHANNEL_NAME": noBroker, "REDIS_": noBroker, "RABBITMQ_": noBroker,
	"SQS_": noBroker,

	"S3_BUCKET_NAME": noBucket, "AWS_REGION": noBucket, "AWS_ACCESS_KEY_ID": noBucket,
	"AWS_SECRET_ACCESS_KEY": noBucket, "AWS_ENDPOINT_URL": noBucket, "AWS_ENDPOINT_URL_S3": noBucket,
	"AWS_": "of Amazon's services only S3 is used, with the keys that are given",

	"SECRET_KEY": noAccounts, "EMAIL_": noAccounts, "RESEND_": noAccounts, "GOOGLE_": noAccounts,
	"DISABLE_AUTH": "a key is always asked for",

	"IS_CLOUD": noCloud, "STRIPE_": noCloud,

	"SENTRY_DSN": noReporting, "POSTHOG_": noReporting, "LANGSMITH_": noReporting,

	"DOCUMENT_EXTRACTION_PROVIDER": ownParsers, "DATALAB_API_KEY": ownParsers, "DOCLING_SERVICE_URL": ownParsers,

	"BEDROCK_": "this provider is not supported yet",

	"POST_RERANK_TOP_K":     "all results that were asked for are returned",
	"VECTOR_SEARCH_TOP_K":   "requests say it in rag_config",
	"TARGET_DIMENSION":      "vectors are kept as the model makes them",
	"NODE_ENV":              "IS_DEVELOPMENT is what counts",
	"SECURE_SSL_REDIRECT":   "a proxy in front does that",
	"LOCAL_EMBEDDING_MODEL": "the embedding service chooses its model",
	"LOCAL_RERANK_MODEL":    "the embedding service chooses its model",
}

// Unused returns the variables of Skald's that are set and do nothing, by name,
// for the log.
func (e *Environment) Unused() []UnusedVariable {
	var found []UnusedVariable
	bucket := e.Get("KVASIR_S3_BUCKET")+e.Get("S3_BUCKET_NAME") != "" && e.Get("KVASIR_BLOB") != Disk
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		if why := whyUnused(name); why != "" && e.values[name] != "" && !(bucket && why == noBucket) {
			found = append(found, UnusedVariable{name, why})
		}
	}
	return found
}

func whyUnused(name string) string {
	if why, ok := unused[name]; ok && !strings.HasSuffix(name, "_") {
		return why
	}
	for end := range len(name) {
		if name[end] != '_' {
			continue
		}
		if why, ok := unused[name[:end+1]]; ok {
			return why
		}
	}
	return ""
}
