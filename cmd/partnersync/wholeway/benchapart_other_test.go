//go:build !linux

package wholeway_test

import "errors"

var errNotHere = errors.New("on this system no process can be kept to some processors")

func startApart(func()) error { return errNotHere }

func withinOurs([]int, func()) error { return errNotHere }
