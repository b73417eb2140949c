#!/usr/bin/env bash
# Builds the image without Docker: buildah in a chroot, on a base that debootstrap makes. On a Debian where tools are
# missing root installs them; elsewhere it says what is missing. Images lie in .cache, apart from the machine's own, and
# .cache/podman is the podman that knows them. ARCH=arm64 builds for the machines that the stacks name, by emulation.
set -euo pipefail
cd "$(dirname "$0")/../.."
case ${ARCH:-$(uname -m)} in
  amd64 | x86_64) arch=amd64 machine=x86_64 ;;
  arm64 | aarch64) arch=arm64 machine=aarch64 ;;
  *) echo "the image is for amd64 and arm64" >&2 && exit 1 ;;
esac
image=localhost/quantyfy:$arch
base=localhost/debian:bookworm-slim-$arch
store=$PWD/.cache/containers

again() { "$@" || { sleep 5 && "$@"; } || { sleep 30 && "$@"; }; } # for what asks the network

missing=()
for tool in buildah debootstrap podman runc; do
  type -P "$tool" > /dev/null || missing+=("$tool")
done
if [[ $machine != "$(uname -m)" ]]; then
  type -P "qemu-$machine-static" > /dev/null || missing+=(qemu-user-static)
  type -P update-binfmts > /dev/null || missing+=(binfmt-support)
fi
if ((${#missing[@]})); then
  if ((EUID)) || ! type -P apt-get > /dev/null; then
    echo "make image needs ${missing[*]}: run it as root on Debian or Ubuntu, or install them first" >&2
    exit 1
  fi
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  again apt-get --quiet=2 update
  again apt-get --quiet=2 --yes --no-install-recommends install "${missing[@]}" > /dev/null
fi

# The kernel runs the other machine's programs by QEMU.
if [[ $machine != "$(uname -m)" && ! -e /proc/sys/fs/binfmt_misc/qemu-$machine ]]; then
  update-binfmts --enable "qemu-$machine"
fi

# Layers that share files where the kernel lets us, whole copies elsewhere.
driver=overlay
podman --root "$store" --storage-driver overlay info > /dev/null 2>&1 || driver=vfs
mkdir -p .cache
printf '#!/bin/sh\nexec podman --root %q --storage-driver %s --runtime runc "$@"\n' "$store" "$driver" > .cache/podman
chmod +x .cache/podman

make_root() {
  rm -rf "$root" && debootstrap --arch="$arch" --variant=minbase bookworm "$root" > "$root.log" || { tail -5 "$root.log" >&2; return 1; }
}
if ! .cache/podman image exists "$base"; then
  root=$(mktemp -d)
  trap 'rm -rf "$root" "$root.log"' EXIT
  again make_root
  tar -C "$root" -c . | .cache/podman import --quiet --arch "$arch" - "$base"
fi

# Behind a mirror with an authority of its own, the machine's certificates speak for it.
authorities=/etc/ssl/certs/ca-certificates.crt
again buildah --root "$store" --storage-driver "$driver" build --isolation chroot --format docker --layers --arch "$arch" \
  --build-arg BASE="$base" --build-arg PIP_CERT=/run/authorities.pem --build-arg SSL_CERT_FILE=/run/authorities.pem \
  -v "$authorities:/run/authorities.pem:ro" -t "$image" .
.cache/podman history --no-trunc --format 'table {{.Size}}\t{{.CreatedBy}}' "$image" | cut -c1-120
.cache/podman image inspect --format '{{.Size}} bytes' "$image"
