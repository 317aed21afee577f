#!/usr/bin/env bash
# The tests that every change has to pass. A verdict and a rate want minutes of traffic, so the environment comes up
# first, and its minutes pass while the tests that do not need the machine for themselves run side by side.
set -euo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
state=$(mktemp -d)/state
failed=0

stop() {
    "$python" -m deploy.local down --state "$state" && rm -rf "$(dirname "$state")"
}
trap stop EXIT

"$python" -m deploy.local up --detach --no-history --state "$state"
"$python" -m pytest -m "not slow and not alone" -n 2 --dist loadfile || failed=1
TEALDECK_TEST_STATE=$state "$python" -m pytest -m "not slow and alone" || failed=1
trap - EXIT
stop || failed=1
exit $failed
