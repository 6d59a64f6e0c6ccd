#!/bin/bash
# What is tried inside the container; every step says what it expects, the first that fails ends the trial.
set -uo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
state=/var/lib/ipad

expect() { # TEXT COMMAND...
  local text=$1 seconds=0
  shift
  until "$@" >/tmp/output 2>&1; do
    if [ $((seconds += 1)) -gt "${patience:-0}" ]; then
      echo "FAILED  $text: $*"
      tail -n 20 /tmp/output
      systemctl --no-pager -l status ipad ipad-helper.socket
      journalctl --no-pager -u ipad -n 40
      exit 1
    fi
    sleep 1
  done
  echo "ok      $text"
}
not() { ! "$@"; }
active() { systemctl is-active --quiet "$1"; }
said() { grep -q -- "$2" <<<"$(systemctl status --no-pager "$1")"; }
bench() { PYTHONPATH=/files/bench python3 -m hil "$@"; }
profile() { bench card show | grep -o '"iccid": "[0-9]*"' | sed -n "$1"'s/[^0-9]//gp'; }
verified() { grep -q 'enableResult ok.*verified' <<<"$(bench eim results)"; }
start_bench() {
  mkdir -p /rig
  PYTHONPATH=/files/bench python3 -m hil rig --state /rig >/tmp/rig.json 2>/tmp/rig.log &
  patience=60 expect "the bench is ready" test -s /tmp/rig.json
  IPAD_HIL_CONTROL=$(value control_url)
  export IPAD_HIL_CONTROL
  chgrp dialout "$(readlink -f /rig/tty)" && chmod 660 "$(readlink -f /rig/tty)"
}
value() { sed -n 's/.*"'"$1"'": "\([^"]*\)".*/\1/p' /tmp/rig.json; }

echo "== $(. /etc/os-release && echo "$PRETTY_NAME $(cat /etc/debian_version)"), systemd $(systemctl --version | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p')"
expect "lists of packages" apt-get update
expect "installs with libraries of Debian alone" apt-get install -y --no-install-recommends /files/ipad.deb
expect "the command runs" ipad --version
expect "definitions of boards are found" ipad board show quectel-eg25
expect "the user is there" id ipad
expect "the user may use serial ports" sh -c 'id -nG ipad | grep -qw dialout'
expect "the service is enabled" systemctl is-enabled ipad.service
expect "the template is not" not systemctl is-enabled ipad@modem.service
expect "the helper listens" active ipad-helper.socket
expect "without a configuration it waits" said ipad 'ConditionPathExists=/etc/ipad/ipad.toml'
expect "and has not failed" not systemctl is-failed --quiet ipad

start_bench
printf '[modem]\nport = "/rig/tty"\n' >/etc/ipad/ipad.toml
expect "the configuration is right" ipad config check
expect "the eIM is associated" ipad eim add "$(value initial_eim_file)"
expect "the service starts" systemctl start ipad
patience=30 expect "it runs" active ipad
expect "it says how it is" said ipad 'Status: "'
expect "it runs as its user" sh -c '[ "$(stat -c %U "/proc/$(systemctl show -P MainPID ipad)")" = ipad ]'
expect "a package is queued" bench eim queue enable "$(profile 2)" --rollback
expect "it is told to poll" systemctl kill -s USR1 --kill-whom=main ipad
patience=60 expect "the eIM has a verified result" verified
journal=$state/journal.cbor
expect "the state is on disk" test -s "$journal"
expect "nothing in the log is an error" not grep . <<<"$(journalctl --no-pager -q -u ipad -p err)"

expect "an upgrade" apt-get install -y /files/later.deb
patience=30 expect "it runs again" active ipad
expect "with the new version" sh -c "dpkg-query -Wf '\${Version}' ipad | grep -q later"
expect "the state is still there" test -s "$journal"
expect "the configuration too" test -s /etc/ipad/ipad.toml
expect "it stops cleanly" systemctl stop ipad
expect "which is no failure" not systemctl is-failed --quiet ipad
expect "another package" bench eim queue enable "$(profile 1)" --rollback
expect "which root lets the agent fetch while the service is stopped" ipad eim poll
expect "and starts again" systemctl start ipad
patience=30 expect "it runs once more" active ipad
expect "all files are its own" sh -c "! find $state ! -user ipad | grep ."

expect "removal" apt-get remove -y ipad
expect "nothing runs any more" not pgrep -u ipad
expect "the program is gone" test ! -e /usr/bin/ipad
expect "the state is kept" test -s "$journal"
expect "the configuration is kept" test -s /etc/ipad/ipad.toml
expect "back again" apt-get install -y /files/ipad.deb
patience=30 expect "it goes on by itself" active ipad
expect "purge" apt-get purge -y ipad
expect "the state is gone" test ! -e $state
expect "the configuration is gone" test ! -e /etc/ipad
expect "no unit is left" sh -c '! ls /etc/systemd/system/*.wants/ipad* 2>/dev/null'
echo "== done"
