#!/usr/bin/env bash
# Tries the Debian package in a fresh Debian 12 that is booted in a container: install, start, upgrade, remove, purge.
# debian.sh DEB WHEEL FOLDER: root only; needs debootstrap, systemd-nspawn and a mirror. FOLDER keeps the base system.
set -euo pipefail
deb=$(realpath "$1") wheel=$(realpath "$2") folder=$(realpath -m "$3")
here=$(realpath "$(dirname "$0")")
base=$folder/base system=$folder/system files=$folder/files
mkdir -p "$folder"

if [ ! -e "$folder/base.done" ]; then
  rm -rf "$base"
  debootstrap --variant=minbase --include=systemd,systemd-sysv,ca-certificates bookworm "$base" >"$folder/debootstrap.log"
  touch "$folder/base.done"
fi

# The bench plays modem, card and eIM; its libraries are not in Debian, so they lie in a folder of their own.
rm -rf "$system" "$files"
mkdir -p "$files/bench"
"${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --target "$files/bench" "$wheel[hil]"
cp "$deb" "$files/ipad.deb"
cp "$here/inside.sh" "$files/"

# The same package as a later version.
dpkg-deb -R "$deb" "$folder/later"
sed -i 's/^Version: .*/&+later/' "$folder/later/DEBIAN/control"
dpkg-deb --root-owner-group -b "$folder/later" "$files/later.deb" >/dev/null
rm -rf "$folder/later"

cp -a "$base" "$system"
cp /etc/resolv.conf "$system/etc/resolv.conf"
echo 127.0.0.1 localhost >"$system/etc/hosts"
cat >"$system/etc/systemd/system/trial.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=-/bin/sh -c '/files/inside.sh >/files/report 2>&1; echo $? >/files/status'
ExecStopPost=/bin/systemctl --no-block poweroff
UNIT
mkdir -p "$system/etc/systemd/system/default.target.wants"
ln -s /etc/systemd/system/trial.service "$system/etc/systemd/system/default.target.wants/"

timeout "${TRIAL_SECONDS:-300}" systemd-nspawn --quiet --register=no --keep-unit --console=pipe --boot \
  --directory="$system" --bind="$files:/files" >"$folder/console.log" 2>&1 </dev/null || true
cat "$files/report"
test "$(cat "$files/status" 2>/dev/null)" = 0
