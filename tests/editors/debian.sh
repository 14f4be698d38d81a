#!/usr/bin/env bash
# Programs of other Debian suites, unpacked and not installed. Sourced by the scripts that fetch editors, which define
# `note` and `die`, and set `work`, a folder that they remove.
#
# apt resolves a package from a suite with a private state folder, all its libraries and their libc included; the packages
# are unpacked, and the binary is pointed at that libc. So the system's own packages, sources and libc stay as they are.
set -euo pipefail

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror='' codename='' work=''

# need_debian WHAT: sets `mirror` and `codename`, or ends where WHAT cannot be had.
need_debian() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    die "$1 comes from Debian packages, and this machine has no apt; put $1 on PATH instead"
  fi
  [ -r "$keyring" ] || die "this is no Debian ($keyring is missing); put $1 on PATH instead"
  # This machine's own mirror, out of apt's configuration: what apt would read, said without reading it.
  mirror=$(apt-get update --print-uris 2>/dev/null | sed -n "s#^'\(.*/debian\)/*/dists/.*#\1#p" | sed -n 1p)
  [ -n "$mirror" ] || die "apt knows no Debian mirror; add one to its sources"
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
}

# private_apt STATE ARGUMENT...: apt-get that reads and writes STATE alone. Its dpkg status is empty, so that every
# dependency is resolved from the suite, whatever this machine has installed.
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

# unpack SUITE PACKAGE ROOT [VERSION]: PACKAGE and all it needs, unpacked under ROOT.
# Returns 1 when the suite's version of it does not begin with VERSION.
unpack() {
  local suite=$1 package=$2 root=$3 version=${4:-} state=$work/apt-$1 found deb
  if [ ! -d "$state" ]; then
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$state/sources.list"
    private_apt "$state" -o APT::Update::Error-Mode=any update >&2 ||
      die "apt cannot read Debian $suite from $mirror: is there a network?"
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

# own_libc BINARY ROOT: makes BINARY use the loader and the libraries under ROOT. DT_RPATH instead of DT_RUNPATH, because
# libraries of libraries are to be found there too; what BINARY starts keeps the system's libc.
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
