#!/usr/bin/env bash
# Unpacks programs of other Debian suites without installing them. The fetch scripts source this file. They define `note` and
# `die`, and set `work` to a folder that they remove.
#
# apt resolves a package and all its libraries, including libc, with a private state folder. The packages are unpacked, and the
# binary is patched to use the unpacked libc. The packages, sources and libc of the system do not change.
set -euo pipefail

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror='' codename='' work=''

# need_debian WHAT: sets `mirror` and `codename`, or exits if this machine cannot unpack WHAT.
need_debian() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    die "$1 comes from Debian packages, and apt is missing; put $1 on PATH instead"
  fi
  [ -r "$keyring" ] || die "this machine does not run Debian ($keyring is missing); put $1 on PATH instead"
  # Use the mirror of this machine. --print-uris only prints the addresses that apt would read.
  mirror=$(apt-get update --print-uris 2>/dev/null | sed -n "s#^'\(.*/debian\)/*/dists/.*#\1#p" | sed -n 1p)
  [ -n "$mirror" ] || die "the apt sources have no Debian mirror"
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
}

# private_apt STATE ARGUMENT...: runs apt-get with all its state in STATE. The dpkg status is empty, so that apt resolves every
# dependency from the suite, even if the machine has it installed.
private_apt() {
  local state=$1
  shift
  timeout 600 apt-get -qq \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" \
    -o Dir::State::extended_states="$state/extended" -o Dir::Cache="$state/cache" \
    -o pkgCacheGen::Essential=none -o APT::Install-Recommends=0 -o APT::Install-Suggests=0 \
    -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}

# unpack SUITE PACKAGE ROOT [VERSION]: unpacks PACKAGE and its dependencies to ROOT.
# Returns 1 if the version in the suite does not start with VERSION.
unpack() {
  local suite=$1 package=$2 root=$3 version=${4:-} state=$work/apt-$1 found deb
  if [ ! -d "$state" ]; then
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$state/sources.list"
    private_apt "$state" -o APT::Update::Error-Mode=any update >&2 ||
      die "apt cannot read Debian $suite from $mirror; check the network"
  fi
  found=$(private_apt "$state" --print-uris download "$package" | awk '{ split($2, part, "_"); print part[2] }')
  case $found in
    "$version"*) ;;
    *) note "Debian $suite has $package $found, not $version" && return 1 ;;
  esac
  rm -f "$state"/cache/archives/*.deb
  private_apt "$state" --yes --download-only install "$package" >/dev/null ||
    die "apt cannot download $package and its dependencies from $mirror"
  for deb in "$state"/cache/archives/*.deb; do dpkg-deb --extract "$deb" "$root"; done
}

# own_libc BINARY ROOT: patches BINARY to use the loader and the libraries in ROOT. DT_RPATH also applies to the libraries of
# libraries, DT_RUNPATH does not. Programs that BINARY starts use the libc of the system.
own_libc() {
  local binary=$1 root=$2 patchelf loader libraries
  patchelf=$(command -v patchelf) || {
    unpack "$codename" patchelf "$work/patchelf"
    patchelf=$work/patchelf/usr/bin/patchelf
  }
  loader=$(find "$root" -name "$(basename "$("$patchelf" --print-interpreter "$binary")")" -print -quit)
  loader=$(realpath "$loader")
  libraries=$(basename "$(dirname "$loader")")
  "$patchelf" --set-interpreter "$loader" --force-rpath \
    --set-rpath "$root/lib/$libraries:$root/usr/lib/$libraries" "$binary"
}
