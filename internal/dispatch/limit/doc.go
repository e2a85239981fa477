// Package limit holds what a lane keeps to and learns: token buckets ([Bucket]), a
// rate that is found by being refused ([Rate]), how many requests the latency allows
// ([Concurrency]), a circuit breaker ([Breaker]), and the figures that these and
// people go by.
//
// Everything here is a value with the time given, without locks, timers or
// goroutines: package dispatch guards and drives them.
package limit
