# A run that is stopped and resumed equals one that is not, bit for bit: losses and weights, on one and
# two ranks; killed at random moments, during saves included.
source tests/launch/lib.sh "$1"
make_small_stage
for ranks in 1 2; do
  check "$ranks rank(s), undisturbed" mpi $ranks "$anneal" -q train "$work/stage.yaml" --set run.dir="$work/whole$ranks"
  check "$ranks rank(s), first part" mpi $ranks "$anneal" -q train "$work/stage.yaml" --set run.dir="$work/cut$ranks" --set train.optimizer.schedule=cosine
  # Take the last steps away, as a crash after step 8 would have left it.
  rm -rf "$work/cut$ranks/checkpoints/step_00000012" "$work/cut$ranks/model" "$work/cut$ranks/stage.json" "$work/cut$ranks/summary.json"
  check "$ranks rank(s), resumed at step 8" mpi $ranks "$anneal" train "$work/stage.yaml" --set run.dir="$work/cut$ranks"
  grep -q "resuming at step 8 of 12" "$work/out" || fail "it did not resume"
  cmp "$work/whole$ranks/model/model.safetensors" "$work/cut$ranks/model/model.safetensors" || fail "weights differ after a resume"
  diff <(losses "$work/whole$ranks/metrics.jsonl") <(losses "$work/cut$ranks/metrics.jsonl") >/dev/null || fail "losses differ after a resume"
done
# Losses for 1 and 2 ranks agree to 1e-6 relative.
paste <(losses "$work/whole1/metrics.jsonl" | sed 's/.*"loss"://') <(losses "$work/whole2/metrics.jsonl" | sed 's/.*"loss"://') |
  awk '{ d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > m) m = d } END { printf "largest relative difference of 1 and 2 ranks: %.2e over %d steps\n", m, NR; exit !(m <= 1e-6 && NR == 12) }' ||
  fail "losses of 1 and 2 ranks differ"

# Kill one rank at random moments until the run is through.
kills=0
for attempt in $(seq 1 60); do
  mpi 2 "$anneal" -q train "$work/stage.yaml" --set run.dir="$work/torn" --set train.steps=40 --set train.checkpoint_every=2 >"$work/out" 2>&1 &
  job=$!
  sleep "0.$((RANDOM % 90 + 10))"; ((attempt % 3)) || sleep 1
  if ((attempt <= 12)); then
    victim=$(pgrep -f "run.dir=$work/torn" | xargs -r -n1 sh -c '[ "$(cat /proc/$0/comm 2>/dev/null)" = anneal ] && echo $0' | shuf -n 1)
    [[ -n $victim ]] && kill -9 "$victim" 2>/dev/null && kills=$((kills + 1))
  fi
  wait $job && break
done
echo "killed $kills times, done at attempt $attempt"
check "undisturbed, 40 steps" mpi 2 "$anneal" -q train "$work/stage.yaml" --set run.dir="$work/calm" --set train.steps=40 --set train.checkpoint_every=2
cmp "$work/calm/model/model.safetensors" "$work/torn/model/model.safetensors" || fail "weights differ after kills"
[[ -z $(find "$work/torn" -name '*.tmp*') ]] || fail "temporary files are left: $(find "$work/torn" -name '*.tmp*')"
# Another number of ranks goes on from the same checkpoint.
cp -r "$work/calm" "$work/other"; rm -rf "$work/other/checkpoints/step_00000040"
check "resumed on 3 ranks" mpi 3 "$anneal" train "$work/stage.yaml" --set run.dir="$work/other" --set train.steps=40 --set train.checkpoint_every=2
grep -q "resuming at step 38" "$work/out" || fail "it did not resume on 3 ranks"
finish
