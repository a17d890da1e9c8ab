#!/bin/sh
# Runs the server that lies beside this file under its own Node. Links in the path are kept as they are given:
# /opt/tako/server/current/bin/tako-server stays "current" in the arguments, so that a successor started with them
# after an upgrade is the new version.
set -eu
case $0 in
  */bin/tako-server) root=${0%/bin/tako-server} ;;
  *)
    echo "tako-server: start it by its path, .../bin/tako-server" >&2
    exit 1
    ;;
esac
root=$(CDPATH='' cd -- "$root" && pwd -L)
# A control process is idle most of its life: its young generation may stay small, its threads few and their malloc one, and
# what the boot needed is collected once. Workers are started without the flags.
export MALLOC_ARENA_MAX=1
exec "$root/bin/node" --max-semi-space-size=2 --v8-pool-size=2 --expose-gc "$root/node_modules/@tako/server/dist/bundle/main.js" "$@"
