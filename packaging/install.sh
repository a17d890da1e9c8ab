#!/bin/sh
# Installs, upgrades and removes tako-server on a host with systemd (Debian 12, Ubuntu 22.04 or later). It downloads
# nothing: the archive (scripts/pack-server.mjs) comes from whoever calls it. Every step may be repeated.
#
#   install.sh install --archive FILE --sha256 HEX [--ssh-key LINE]...   as root: first installation, or another version
#   install.sh stage   --archive FILE --sha256 HEX [--builds DIR]        as tako: unpack it beside the others
#   install.sh uninstall [--purge]                                       as root: stop, remove; --purge: with all data
#
# It lies in each build: /opt/tako/server/current/packaging/install.sh. The builds belong to the user tako, so that an
# upgrade (`tako-server upgrade`, which unpacks with `stage`) needs no root; the service itself cannot write to them
# (ReadOnlyPaths= in its unit).
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C

data=/opt/tako
builds=$data/server
units=/etc/systemd/system
libraries=/usr/local/lib/tako
service=tako-server.service
sockets='tako-server-http.socket tako-server-https.socket'
staging=

say() { printf 'tako: %s\n' "$*"; }

# What happened, then the next step.
fail() {
  printf 'tako: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}

clean_up() { [ -z "$staging" ] || rm -rf -- "$staging"; }
trap clean_up EXIT
trap 'exit 130' HUP INT TERM

need_root() {
  [ "$(id -u)" -eq 0 ] || fail 'this has to run as root' 'call it as root, or through sudo'
}

need_systemd() {
  [ -d /run/systemd/system ] || fail 'systemd does not run this host' 'a Tako server needs systemd: Debian 12 or Ubuntu 22.04 or later'
  need_programs systemctl systemd-sysusers setpriv prlimit mkfifo
}

need_programs() {
  for program; do
    command -v "$program" >/dev/null || fail "$program is missing" 'install the Debian packages systemd, util-linux, coreutils, tar and gzip'
  done
}

# A version is a file name here: no slash, no leading dot.
check_version() {
  case $1 in
    '' | .* | -* | *[!A-Za-z0-9._-]*) fail "$1 is not a version" 'versions are letters, digits, dots, dashes and underscores' ;;
  esac
  [ "${#1}" -le 128 ] || fail 'the version is longer than 128 characters' 'use a shorter one'
}

field() { sed -n "s/^$2=//p" "$1/BUILD" | head -n 1; }

machine_arch() {
  case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64) echo arm64 ;;
    *) fail "this host is $(uname -m)" 'Tako runs on x86-64 and arm64' ;;
  esac
}

# Node needs libatomic.so.1, which a small Debian or Ubuntu lacks. For every Node that apps will run on, hence where the
# loader looks for all programs; only when the host has none of its own.
provide_libraries() {
  [ "$(id -u)" -eq 0 ] || return 0
  if ldconfig -p | grep -q 'libatomic\.so\.1 '; then return 0; fi
  install -D -m 644 "$1/lib/libatomic.so.1" "$libraries/libatomic.so.1"
  printf '%s\n' "$libraries" > /etc/ld.so.conf.d/tako.conf
  ldconfig
  say 'libatomic.so.1 was missing and is in place now'
}

# Sets $version. The build gets its name only when it is whole and has run here.
stage() {
  [ -f "$archive" ] || fail "$archive is not a file" 'copy the archive to the host first'
  found=$(sha256sum < "$archive" | cut -d ' ' -f 1)
  [ "$found" = "$sha256" ] || fail "the archive has the SHA-256 $found, not $sha256" 'copy it again: it was damaged on its way'
  [ -w "$builds" ] || fail "$(id -un) may not write to $builds" 'call it as the user tako, or as root'
  staging=$(mktemp -d "$builds/.staging.XXXXXX")
  tar --extract --file "$archive" --directory "$staging" --no-same-owner --no-same-permissions \
    || fail 'the archive cannot be unpacked' 'is the disk full? df -h /opt tells'
  chmod 755 "$staging"
  [ -f "$staging/BUILD" ] || fail 'the archive is not a Tako server' 'make it with scripts/pack-server.mjs'
  version=$(field "$staging" version)
  check_version "$version"
  arch=$(field "$staging" arch)
  [ "$arch" = "$(machine_arch)" ] || fail "the archive is for $arch, this host is $(machine_arch)" 'send the build for this processor'
  provide_libraries "$staging"
  said=$("$staging/bin/tako-server" --version 2>&1) || fail "the build does not run here: $said" 'Debian 12 and Ubuntu 22.04 are the oldest that it runs on'
  [ "$said" = "tako-server $version" ] || fail "the build calls itself \"$said\", expected version $version" 'make the archive again'
  [ "$(id -u)" -ne 0 ] || chown -R --reference="$builds" "$staging"
  if [ -d "$builds/$version" ]; then
    # The same version may be running from there: replaced only when it differs, and then by name, not in place.
    if diff -rq "$staging" "$builds/$version" >/dev/null 2>&1; then
      rm -rf -- "$staging"
      staging=
      say "version $version is there already"
      return
    fi
    old=$(mktemp -d "$builds/.old.XXXXXX")
    mv "$builds/$version" "$old/"
    mv "$staging" "$builds/$version"
    rm -rf -- "$old"
  else
    mv "$staging" "$builds/$version"
  fi
  staging=
  sync -f "$builds/$version"
  say "version $version is unpacked"
}

# By rename, so that there is no moment without a `current`.
switch_to() {
  check_version "$1"
  [ -x "$builds/$1/bin/tako-server" ] || fail "there is no version $1 on this host" "ls $builds shows those that are"
  link=$(mktemp -u "$builds/.current.XXXXXX")
  ln -s "$1" "$link"
  mv -T "$link" "$builds/current"
  sync -f "$builds"
  say "current is $1"
}

# Before anything is unpacked: the builds belong to tako. Who may log in as tako decides what runs here; tako-app runs
# the apps of a daemon that cannot give each a user of its own (sysusers.d(5)).
make_users() {
  install -d -m 755 /etc/sysusers.d
  cat > /etc/sysusers.d/tako.conf <<END
u tako     - "Tako server" $data /bin/bash
u tako-app - "Tako apps"   /nonexistent /usr/sbin/nologin
END
  systemd-sysusers /etc/sysusers.d/tako.conf
  # 0711: apps pass through to their own release and see nothing else (so does sshd's look for the keys below).
  install -d -m 711 -o tako -g tako "$data"
  install -d -m 755 -o tako -g tako "$builds"
}

allow_key() {
  [ -n "$1" ] || return 0
  case $1 in
    ssh-* | ecdsa-* | sk-*) ;;
    *) fail 'the SSH key is not a public key' 'give the line of a .pub file: ssh-ed25519 AAAA... name' ;;
  esac
  install -d -m 700 -o tako -g tako "$data/.ssh"
  file=$data/.ssh/authorized_keys
  [ -f "$file" ] || install -m 600 -o tako -g tako /dev/null "$file"
  grep -qxF -- "$1" "$file" || printf '%s\n' "$1" >> "$file"
}

install_files() {
  source=$1/packaging
  for unit in $service $sockets; do
    install -m 644 "$source/systemd/$unit" "$units/$unit"
  done
  if [ -d /etc/sudoers.d ] && command -v visudo >/dev/null; then
    rights=$(mktemp)
    install -m 440 "$source/systemd/sudoers" "$rights"
    visudo -cqf "$rights" || fail 'sudo does not understand the rights of the user tako' "visudo -cf $source/systemd/sudoers says why"
    install -m 440 "$rights" /etc/sudoers.d/tako
    rm -f "$rights"
  fi
  systemctl daemon-reload
}

# A running server is upgraded like any other: with the way back. The same version again is a reload.
start() {
  # Before the sockets: the first connection to them starts what the link points to.
  running=$(systemctl is-active $service || true)
  # It serves; a reload is not over yet as systemd sees it.
  [ "$running" != reloading ] || running=active
  [ "$running" = active ] || switch_to "$version"
  # shellcheck disable=SC2086 -- two unit names
  systemctl enable --quiet $service $sockets
  # shellcheck disable=SC2086
  systemctl start $sockets
  if [ "$running" != active ]; then
    systemctl start $service || {
      systemctl --no-pager --lines=20 status $service >&2 || true
      fail 'the server did not start' 'journalctl -u tako-server tells why'
    }
    say 'the server runs'
  elif [ "$(readlink "$builds/current")" = "$version" ]; then
    systemctl reload $service
    say 'the running server is handing over to this version'
  else
    "$builds/$version/bin/tako-server" upgrade --to "$version"
  fi
}

uninstall() {
  say 'stopping the server and its apps'
  # shellcheck disable=SC2086
  systemctl disable --quiet --now $sockets 2>/dev/null || true
  systemctl disable --quiet --now $service 2>/dev/null || true
  # What a daemon that was killed could not stop itself.
  systemctl kill --kill-whom=all --signal=SIGKILL $service 2>/dev/null || true
  for unit in $service $sockets; do
    rm -f -- "$units/$unit"
    rm -rf -- "$units/$unit.d"
  done
  systemctl daemon-reload
  # shellcheck disable=SC2086
  systemctl reset-failed $service $sockets 2>/dev/null || true
  rm -f -- /etc/sudoers.d/tako /etc/sysusers.d/tako.conf
  rm -rf -- /run/tako "$builds" "$libraries" /etc/ld.so.conf.d/tako.conf
  ldconfig
  if [ "$purge" = yes ]; then
    rm -rf -- "$data"
    for user in tako tako-app; do
      # Who is still logged in; userdel refuses a user with processes.
      if uid=$(id -u "$user" 2>/dev/null); then systemctl stop "user-$uid.slice" 2>/dev/null || true; fi
      if getent passwd "$user" >/dev/null; then userdel "$user"; fi
      if getent group "$user" >/dev/null; then groupdel "$user"; fi
    done
    say 'the server and all of its data are gone'
  else
    say "the server is gone; its data stays in $data (--purge removes it)"
  fi
}

command=${1-}
[ $# -eq 0 ] || shift
archive='' sha256='' keys='' purge=no
while [ $# -gt 0 ]; do
  case $1 in
    --archive | --builds | --sha256 | --ssh-key)
      [ $# -ge 2 ] || fail "$1 needs a value" 'see the head of this script'
      case $1 in
        --archive) archive=$2 ;;
        --builds) builds=$2 ;;
        --sha256) sha256=$2 ;;
        --ssh-key) keys="$keys$2
" ;;
      esac
      shift 2
      ;;
    --purge) purge=yes; shift ;;
    -*) fail "$1 is not an option" 'see the head of this script' ;;
    *) fail "$1 is one word too many" 'see the head of this script' ;;
  esac
done
[ "$command" = stage ] || [ "$builds" = $data/server ] || fail '--builds is for stage' "the builds of a host are in $data/server"
case $command in
  install | stage)
    [ "$command" = stage ] || { need_root; need_systemd; }
    need_programs tar gzip sha256sum
    case $sha256 in
      *[!0-9a-f]* | '') fail '--sha256 is missing or not in lower-case hex' 'sha256sum FILE tells it' ;;
    esac
    ;;
esac
case $command in
  install)
    make_users
    stage
    printf '%s' "$keys" | while IFS= read -r key; do allow_key "$key"; done
    install_files "$builds/$version"
    start
    ;;
  stage) stage ;;
  uninstall)
    need_root
    uninstall
    ;;
  *) fail "unknown command: ${command:-none}" 'install, stage or uninstall; see the head of this script' ;;
esac
