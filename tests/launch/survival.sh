# Leaving in order (signals, walltime), hanging and dying ranks, a full disk, what is kept of the checkpoints.
source tests/launch/lib.sh "$1"
make_small_stage
stage=$work/stage.yaml
long=(--set train.steps=100000 --set train.optimizer.schedule=constant --set train.optimizer.warmup_steps=4 --set train.checkpoint_every=50)
processes() { pgrep -f "run.dir=$1" | while read -r p; do [[ $(cat "/proc/$p/comm" 2>/dev/null) == anneal ]] && echo "$p"; done; }
# Of the two processes a rank, the one that computes has an anneal over it.
ranks_of() { processes "$1" | while read -r p; do [[ $(cat "/proc/$(awk '{print $4}' "/proc/$p/stat")/comm" 2>/dev/null) == anneal ]] && echo "$p"; done; }
# until_step N DIR: waits for step N of a run in the background
until_step() { for _ in $(seq 1200); do grep -q "\"step\":$1," "$2/metrics.jsonl" 2>/dev/null && return; sleep 0.05; done; fail "step $1 never came in $2"; cat "$work/log"; }
newest() { ls "$1"/checkpoints | tail -n 1 | sed 's/step_0*//'; }
none_left() { sleep 0.5; [[ -z $(processes "$1") ]] || fail "processes are left of $1"; }

# --- leaving in order -------------------------------------------------------------------------------
# mpirun passes SIGUSR1 on; a signal to one rank makes all of them leave; launch/resume turns SIGTERM into it.
for how in "mpirun USR1" "rank TERM" "resume TERM"; do
  read -r whom signal <<<"$how"
  run=$work/leave_$whom
  start=()
  [[ $whom == resume ]] && start=(launch/resume)
  "${start[@]}" mpirun --oversubscribe --bind-to none -n 2 "$anneal" -q train "$stage" --set run.dir="$run" "${long[@]}" >"$work/log" 2>&1 &
  job=$!
  until_step 5 "$run"
  case $whom in
    rank) kill -"$signal" "$(ranks_of "$run" | tail -n 1)" ;;
    *) kill -"$signal" $job ;;
  esac
  wait $job
  code=$?
  at=$(newest "$run")
  ((code == 6)) && grep -q "^anneal: stopped: .*saved at step $at of 100000" "$work/log" && [[ -e $run/checkpoints/$(printf step_%08d "$at")/manifest.json ]] &&
    echo "ok: SIG$signal to $whom: saved at step $at, exit code 6" || { fail "SIG$signal to $whom: exit code $code"; cat "$work/log"; }
  ((at % 50)) || echo "(by chance at a step that saves anyway)"
  none_left "$run"
  # It goes on, and ends where a run that was never asked ends.
  check "goes on after SIG$signal to $whom" mpi 2 "$anneal" train "$stage" --set run.dir="$run" "${long[@]}" --set train.steps=$((at + 6))
  grep -q "resuming at step $at of" "$work/out" || fail "it did not resume at step $at"
  check "the same without a signal" mpi 2 "$anneal" -q train "$stage" --set run.dir="$work/calm" --fresh "${long[@]}" --set train.steps=$((at + 6))
  cmp "$run/model/model.safetensors" "$work/calm/model/model.safetensors" || fail "the weights differ after SIG$signal to $whom"
done
# The walltime: saved and left before it, and launch/resume does not try again.
started=$(date +%s%N)
launch/resume mpirun --oversubscribe --bind-to none -n 2 "$anneal" -q train "$stage" --set run.dir="$work/wall" "${long[@]}" --set train.walltime=9 >"$work/log" 2>&1
code=$?
took_ms=$((($(date +%s%N) - started) / 1000000))
((code == 6)) && grep -q "the walltime of 9 is near: saved at step $(newest "$work/wall")" "$work/log" && ! grep -q attempt "$work/log" &&
  echo "ok: walltime of 9 s: left after $took_ms ms, start of mpirun included" || { fail "walltime: exit code $code"; cat "$work/log"; }
expect_error 2 "is no duration" "$anneal" train "$stage" --set train.walltime=soon

# --- a rank that hangs, a rank that dies ------------------------------------------------------------
for victim in 0 1 2; do
  run=$work/hang$victim
  mpirun --oversubscribe --bind-to none -n 3 "$anneal" -q train "$stage" --set run.dir="$run" "${long[@]}" --set train.watchdog_s=4 >"$work/log" 2>&1 &
  job=$!
  until_step 5 "$run"
  stopped=$(for p in $(ranks_of "$run"); do tr '\0' '\n' <"/proc/$p/environ" | grep -q "^OMPI_COMM_WORLD_RANK=$victim$" && echo "$p"; done)
  kill -STOP "$stopped"
  wait $job
  code=$?
  ((code == 4)) || { fail "exit code $code for a rank that hangs"; cat "$work/log"; }
  grep -qE "^anneal: error.*(in|of) .* (at|in) step [0-9]+.* has waited [0-9.]+ s for rank $victim on $(hostname)" "$work/log" &&
    (($(grep -c '^anneal: error' "$work/log") == 1)) && echo "ok: $(grep '^anneal: error' "$work/log")" || { fail "rank $victim was not named, or not once"; cat "$work/log"; }
  none_left "$run"
done
run=$work/dies
mpirun --oversubscribe --bind-to none -n 3 "$anneal" -q train "$stage" --set run.dir="$run" "${long[@]}" >"$work/log" 2>&1 &
job=$!
until_step 5 "$run"
kill -9 "$(ranks_of "$run" | tail -n 1)"
wait $job
code=$?
((code == 4)) && (($(grep -c '^anneal: error' "$work/log") == 1)) &&
  grep -qE "^anneal: error: rank [0-9] on $(hostname) .* was ended by signal 9 \(Killed\) at step [0-9]+, (in|after) " "$work/log" &&
  echo "ok: $(grep '^anneal: error' "$work/log")" || { fail "exit code $code, or no message, for a rank that dies"; cat "$work/log"; }
none_left "$run"
# When mpirun itself is killed, no rank stays.
mpirun --oversubscribe --bind-to none -n 2 "$anneal" -q train "$stage" --set run.dir="$work/lost" "${long[@]}" >"$work/log" 2>&1 &
job=$!
until_step 5 "$work/lost"
kill -9 $job
wait $job 2>/dev/null
for _ in $(seq 100); do [[ -z $(processes "$work/lost") ]] && break; sleep 0.1; done
[[ -z $(processes "$work/lost") ]] && echo "ok: no rank outlives mpirun" || fail "ranks outlive mpirun"

# --- a full disk --------------------------------------------------------------------------------------
disk=$work/small
mkdir -p "$disk"
if mount -t tmpfs -o size=24m tmpfs "$disk" 2>/dev/null; then
  trap 'umount "$disk"; rm -rf "$work"' EXIT
  run=$disk/run
  # A checkpoint takes about 5 MB, and the one before goes when it is whole: with the filler one has room, two have not.
  dd if=/dev/zero of="$disk/filler" bs=1M count=16 2>/dev/null
  mpirun --oversubscribe --bind-to none -n 2 "$anneal" -q train "$stage" --set run.dir="$run" --set model.dim=128 --set model.ffn_dim=256 \
    --set train.steps=600 --set train.checkpoint_every=20 >"$work/log" 2>&1 &
  job=$!
  for _ in $(seq 1200); do grep -q "could not be written" "$work/log" && break; kill -0 $job 2>/dev/null || break; sleep 0.02; done
  then=$(ls "$run"/checkpoints)
  rm "$disk/filler"
  wait $job
  code=$?
  ((code == 0)) || { fail "the run ended with $code"; cat "$work/log"; }
  grep -q "^warning: the checkpoint of step [0-9]* could not be written: .*No space left on device; the run goes on, the last good checkpoint is $run/checkpoints/step_" "$work/log" &&
    echo "ok: $(grep -m 1 'could not be written' "$work/log")" || { fail "no word of the full disk"; cat "$work/log"; }
  [[ $then == *step_00000020* && $(newest "$run") == 600 ]] || fail "checkpoints: $then while the disk was full, $(ls "$run/checkpoints" | xargs) at the end"
  for d in "$run"/checkpoints/step_*; do [[ -e $d/manifest.json ]] || fail "$d is half a checkpoint"; done
  (($(grep -c '"data_index"' "$run/metrics.jsonl") == 600)) || fail "lines of metrics.jsonl are missing"
  umount "$disk"
  trap 'rm -rf "$work"' EXIT
else
  echo "skipped: full disk (mounting a tmpfs is not allowed here)"
fi

# --- what is kept ---------------------------------------------------------------------------------------
check "checkpoints kept by policy" mpi 2 "$anneal" -q train "$stage" --set run.dir="$work/kept" --set train.steps=24 --set train.checkpoint_every=2 \
  --set train.keep_checkpoints=2 --set train.keep_every=8 --set train.keep_best=1
best=$(grep -h '"split"' "$work/kept/metrics.jsonl" | sed 's/.*"step":\([0-9]*\),.*"loss":\([^,]*\),.*/\1 \2/' |
  awk '$1 > 0 { s[$1] += $2; n[$1]++ } END { for (k in s) print s[k] / n[k], k }' | sort -g | head -n 1 | cut -d' ' -f2)
wanted=$(printf '%s\n' 8 16 22 24 "$best" | sort -nu | xargs)
got=$(ls "$work/kept/checkpoints" | sed 's/step_0*//' | sort -n | xargs)
[[ $got == "$wanted" ]] && echo "ok: steps $got are kept (best on held-out text: $best)" || fail "steps $got are kept, not $wanted"
# Written while training goes on or not: the same bits.
check "checkpoints that training waits for" mpi 2 "$anneal" -q train "$stage" --set run.dir="$work/waits" --set train.steps=24 --set train.checkpoint_every=2 \
  --set train.checkpoint_writing=wait
cmp "$work/kept/model/model.safetensors" "$work/waits/model/model.safetensors" || fail "the weights depend on how checkpoints are written"
cmp "$work/kept/checkpoints/step_00000022/rank_00001.safetensors" "$work/waits/checkpoints/step_00000022/rank_00001.safetensors" || fail "a checkpoint depends on how it is written"
finish
