# Helpers of the shell tests. Use: source lib.sh PROGRAM; then check, expect_error.
set -uo pipefail
anneal=$1
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
mpi() { mpirun --oversubscribe --bind-to none -n "$@"; }
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
# check WHAT COMMAND...: the command must succeed
check() {
  local what=$1; shift
  if "$@" >"$work/out" 2>&1; then echo "ok: $what"; else fail "$what (exit code $?)"; tail -n 25 "$work/out"; fi
}
# expect_error CODE WORDS COMMAND...: must end with this code, within a minute, and say the words
expect_error() {
  local code=$1 words=$2; shift 2
  [[ $1 == mpi ]] && { shift; set -- mpirun --oversubscribe --bind-to none -n "$@"; }  # timeout runs no functions
  timeout 60 "$@" >"$work/out" 2>&1
  local got=$?
  if [[ $got != "$code" ]]; then fail "exit code $got instead of $code: $*"; tail -n 15 "$work/out"; return; fi
  if ! grep -qF -- "$words" "$work/out"; then fail "no \"$words\" from: $*"; tail -n 15 "$work/out"; return; fi
  # Every rank fails alike, and one of them speaks.
  if [[ $(grep -c '^anneal: error' "$work/out") != 1 ]]; then fail "not one message from: $*"; tail -n 15 "$work/out"; return; fi
  echo "ok: $code \"$words\""
}
finish() { ((failures == 0)) && echo "all ok" || { echo "$failures failed"; exit 1; }; }

# A small text of two sources, a tokenizer and a recipe to train on them in a second or two.
make_small_stage() {
  mkdir -p "$work/in"
  awk 'BEGIN { for (i = 0; i < 400; i++) printf "Oxide number %d melts at %d K and has a gap of %d.%d eV.\n", i, 800 + i * 7 % 900, i % 5, i % 10 }' >"$work/in/materials.txt"
  awk 'BEGIN { for (i = 0; i < 300; i++) printf "The %dth traveller walked %d miles to the river.\n", i, i * 13 % 97 }' >"$work/in/general.txt"
  cat >"$work/stage.yaml" <<Y
stage: train
name: small
run: {dir: $work/run, seed: 3}
tokenizer: {path: $work/tokenizer}
model: {dim: 32, layers: 2, heads: 4, kv_heads: 2, ffn_dim: 64, max_positions: 128}
data:
  sources:
    materials: {kind: text, path: $work/in/materials.txt, document: line}
    general: {kind: text, path: $work/in/general.txt, document: line}
  mixture: {materials: 0.97, general: 0.03}
train:
  steps: 12
  global_batch: 6
  sequence_length: 64
  checkpoint_every: 4
  optimizer: {lr: 3e-3}
Y
  cat >"$work/tokenizer.yaml" <<Y
stage: tokenizer
run: {dir: $work/tokenizer}
tokenizer: {vocab_size: 400}
data:
  sources:
    materials: {kind: text, path: $work/in/materials.txt, document: line}
    general: {kind: text, path: $work/in/general.txt, document: line}
Y
  "$anneal" -q run "$work/tokenizer.yaml" >"$work/out" 2>&1 || { cat "$work/out"; fail "tokenizer"; }
}
# The losses of all steps as text, for bit-wise comparison.
losses() { grep -o '"step":[0-9]*,"tokens":[0-9]*,"loss":[^,]*' "$1"; }
