#!/usr/bin/env bash
# Builds the image without Docker: buildah in a chroot, on a base that debootstrap makes when no registry has one.
# On a Debian where the tools are missing, root installs them; elsewhere it says what is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=localhost/quantyfy:latest
base=${BASE:-localhost/debian:bookworm-slim}
podman() { command podman --storage-driver vfs "$@"; }
buildah() { command buildah --storage-driver vfs "$@"; }

missing=()
for tool in buildah podman runc debootstrap; do
  type -P "$tool" > /dev/null || missing+=("$tool")
done
if ((${#missing[@]})); then
  if ((EUID)) || ! type -P apt-get > /dev/null; then
    echo "the image needs ${missing[*]}; as root on Debian this installs them: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}"
  apt-get -o Acquire::Retries=3 update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install --quiet=2 --yes --no-install-recommends "${missing[@]}" > /dev/null
fi

if ! podman image exists "$base"; then
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase bookworm "$root"
  tar -C "$root" -c . | podman import - "$base"
fi

# Behind a mirror with an authority of its own, the machine's certificates speak for it.
authorities=/etc/ssl/certs/ca-certificates.crt
buildah build --isolation chroot --format docker --layers --build-arg BASE="$base" \
  --build-arg PIP_CERT=/run/authorities.pem --build-arg SSL_CERT_FILE=/run/authorities.pem \
  -v "$authorities:/run/authorities.pem:ro" -t "$image" .
podman history --no-trunc --format 'table {{.Size}}\t{{.CreatedBy}}' "$image" | cut -c1-120
podman image inspect --format '{{.Size}} bytes' "$image"
