// Package importtest holds the house's import rules as a test.
//
// The rooms are listed in doc/architecture.md from the top of the house to the
// bottom, and imports go down that page only. The test reads the import lines
// of every file, so a forbidden import fails the build before it is a habit.
package importtest
