// Package imports holds a test of which room may import which; see its test file.
package imports
