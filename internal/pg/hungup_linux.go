package pg

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasHungUp says, without waiting, whether the other side has closed a connection. What it
// said before it did (“terminating connection due to administrator command”) may lie unread.
// poll(2), POLLRDHUP.
func hasHungUp(c net.Conn) (is bool) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true // it is closed on our side
	}
	err = raw.Control(func(fd uintptr) {
		state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} //nolint:gosec // a descriptor is an int
		n, err := unix.Poll(state, 0)
		is = err == nil && n > 0
	})
	return is || err != nil
}
