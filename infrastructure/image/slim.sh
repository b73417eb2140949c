#!/bin/sh
# Takes from an environment what developers alone read: the packages' own tests, and the symbols of compiled code.
set -eu
packages=$1
find "$packages" -type d -name tests -prune -exec rm -rf {} +
# Some wheels were patched after linking, and stripped they would not load: those that carry libraries of others
# beside them (numpy.libs), and numba's thread pools.
for folder in "$packages"/*; do
  case $folder in *.libs | */numba) continue ;; esac
  test -e "$folder.libs" || find "$folder" -name '*.so' -exec strip --strip-unneeded {} +
done
