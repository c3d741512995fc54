#!/bin/sh
# The main job of simactors from end to end, on the scenarios of this folder. Called by `make demo`.
set -eu
cd "$(dirname "$0")/.."

fitting=scenarios/parameter_server/app.py
tutorial=scenarios/ray_tutorial/app.py
bank=scenarios/bank/app.py
store=scenarios/kv_store
output=$(mktemp)
trap 'rm -f "$output"' EXIT

explain() { printf '\n=== %s\n' "$*"; }

# Runs a command in sight; its output is shown and kept in $output.
show() {
    printf '$ simactors %s\n' "$*"
    status=0
    simactors "$@" >"$output" 2>&1 || status=$?
    cat "$output"
}

expect() { [ "$status" -eq "$1" ] || { echo "demo: expected exit code $1, not $status"; exit 1; }; }

digest() { sed -n 's/.*digest \([0-9a-f]*\).*/\1/p' "$output"; }

explain "1. A program of tasks and actors runs on the simulator: one process, virtual time."
show run $fitting --seed 7; expect 0
first=$(digest)

explain "2. The same seed gives the same run, down to the digest of every single step."
show run $fitting --seed 7; expect 0
[ "$(digest)" = "$first" ] || { echo "demo: the digests differ"; exit 1; }

explain "3. Another seed: messages travel in another order, so the digest differs. The result must not."
show run $fitting --seed 8; expect 0
[ "$(digest)" != "$first" ] || { echo "demo: the digests are the same"; exit 1; }

explain "4. The same program, unchanged, on real processes."
show run $fitting --backend local; expect 0

explain "5. Code written for Ray ('import ray') runs as it is, here too on both."
show run $tutorial --as-ray; expect 0
show run $tutorial --as-ray --backend local; expect 0

explain "6. A bank that loses money under some orders of messages only: the hunt looks for one."
show hunt $bank:buggy --seeds 100; expect 1
token=$(sed -n 's/.*simactors replay //p' "$output")

explain "7. The token that the hunt printed replays exactly that run, here or on another machine."
show replay "$token"; expect 1
grep -q '^reproduced exactly' "$output" || { echo "demo: not reproduced"; exit 1; }

explain "8. The mended bank passes under all 100 seeds."
show hunt $bank:fixed --seeds 100; expect 0

explain "9. A node of a replicated store crashes while clients write: a replica is lost, and no write that was acknowledged."
show run $store/app.py:good --cluster $store/cluster.toml --faults $store/faults.toml; expect 0
grep -q 'begins without a replica' "$output" || { echo "demo: no replica was lost"; exit 1; }

explain "10. A store that acknowledges too early loses writes when the node of its primary crashes."
show hunt $store/app.py:bad --seeds 40 --strategy sampled --cluster $store/cluster.toml --faults $store/faults.toml; expect 1

explain "All steps did what they say."
