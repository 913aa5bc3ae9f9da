#!/usr/bin/env bash
# What depends on chance, often: runs that end with another exit code than 0 are counted.
#
#   verification/stress.sh BINARY [TABLES [LOADED [TIMES]]]
#
# BINARY is `crosscheck`, already built, best in release. The whole table runs TABLES times (20), LOADED (5)
# of them beside four processes that keep processors busy; the rows that involve chance, those of engine
# threads and of the samplers, run TIMES times (2000), a quarter of them beside the same load. The last line
# says how many runs there were and how many failed; what those printed is kept in a folder that is named.
# Exit code 0: none failed; 1: some did; 2: it was not called so.
set -uo pipefail

binary=${1:-} tables=${2:-20} loaded=${3:-5} times=${4:-2000}
if [[ ! -x $binary ]] || [[ "$tables$loaded$times" == *[!0-9]* ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi

busy=()
end_load() {
    for process in "${busy[@]}"; do
        kill "$process" 2>/dev/null
        wait "$process" 2>/dev/null
    done
    busy=()
}
trap end_load EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begin_load() {
    for _ in 1 2 3 4; do
        while :; do :; done &
        busy+=($!)
    done
}

runs=0 failed=0 kept=
# Runs the program once; what a run prints that fails is kept.
once() {
    local output code
    output=$("$binary" "$@" 2>&1 </dev/null)
    code=$?
    runs=$((runs + 1))
    if [[ $code -ne 0 ]]; then
        failed=$((failed + 1))
        kept=${kept:-$(mktemp -d)}
        printf '%s\n' "run $runs: $*: exit code $code" "$output" >"$kept/$runs.txt"
        echo "run $runs: $*: exit code $code"
    fi
}

for ((run = 0; run < tables; run++)); do
    if ((run == tables - loaded)); then begin_load; fi
    once verify
done
end_load
echo "whole table: $runs runs, $failed failed"

chance=(verify --engine threads --engine shuttle-random --engine shuttle-pct --engine shuttle-urw)
for ((run = 0; run < times; run++)); do
    if ((run == times - times / 4)); then begin_load; fi
    once "${chance[@]}"
done
end_load
echo "$runs runs, $failed failed${kept:+; what they printed is in $kept}"
((failed == 0))
