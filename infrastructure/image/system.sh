#!/bin/sh
# Lays into a folder the part of this Debian that the service runs on: Python, the libraries that it and our packages
# load, certificates, time zones. There is no shell in it and no package manager.
set -eu
root=$1
kept="base-files libbz2-1.0 libc6 libcrypt1 libexpat1 libffi8 libgcc-s1 liblzma5 libpython3.11-minimal libpython3.11-stdlib
libsqlite3-0 libssl3 libstdc++6 libuuid1 media-types python3-minimal python3.11-minimal tzdata zlib1g"
unread='^/usr/share/(bug|doc|lintian|man|perl5)|/gconv/|/python3.11/(lib2to3|pydoc_data|test)/'

mkdir -p "$root/srv" "$root/usr"
for folder in bin lib lib64 sbin; do
  mkdir "$root/usr/$folder"
  ln -s "usr/$folder" "$root/$folder"
done
# shellcheck disable=SC2086  # a list of names
dpkg-query --listfiles $kept | grep -vE "$unread" | sort -u | grep '^/.' \
  | tar --create --no-recursion --files-from - | tar --extract --keep-directory-symlink --directory "$root"
tar --create /etc/group /etc/nsswitch.conf /etc/passwd /etc/ssl/certs/ca-certificates.crt | tar --extract --directory "$root"
python3 -m compileall -q -s "$root" "$root/usr/lib/python3.11"

# Where scanners for known holes look when there is no package manager.
mkdir -p "$root/var/lib/dpkg/status.d"
for package in $kept; do
  dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/$package"
done
