#!/bin/sh
# ExecStop= of tako-server.service: `stop-server.sh MAINPID`. Tells the daemon to stop and waits until all daemons of the
# unit have ended. systemd by itself sends SIGTERM and, in the same moment, SIGKILL to a main process that is not its
# child when it is announced (MAINPID=), which each successor of a reload is. A daemon that hands over or has handed over
# passes the signal on, and may drain longer than its successor takes to stop.
run=${RUNTIME_DIRECTORY:-/run/tako}
main=$1
group=$(sed -n -e 's/^0:://p' -e 's/^1:name=systemd://p' /proc/self/cgroup | head -n 1)

# Of the processes named, those that are daemons: a file may name a process that came after a daemon that was killed.
daemons() {
  for pid in "$@"; do
    grep -qa '@tako/server/dist/[a-z/]*main\.js' "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
  done
}

members() {
  for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    cat "$root$group/cgroup.procs" 2>/dev/null
  done
}

# The main process may be gone, and systemd not know who came after it.
told=$(daemons $main)
[ -n "$told" ] || told=$(daemons $(sed -n 's/.*"pid":\([0-9][0-9]*\).*/\1/p' "$run/daemon.json" 2>/dev/null))
[ -z "$told" ] || kill -TERM "$told"
while [ -n "$(daemons $told $(members))" ]; do
  sleep 0.1
done
