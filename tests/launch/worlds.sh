# A run that goes on with 1, 2, 4, 3 and 1 ranks takes the same samples in the same order as one on one rank, and
# its losses agree to 1e-5 relative (another order of the sums over rows: rounding, which training amplifies).
source tests/launch/lib.sh "$1"
make_small_stage
common=(--set train.checkpoint_every=4 --set train.optimizer.schedule=constant --set train.optimizer.warmup_steps=4 --set train.global_batch=7)
check "one rank throughout" mpi 1 "$anneal" -q train "$work/stage.yaml" --set run.dir="$work/one" "${common[@]}" --set train.steps=20
step=0
for ranks in 1 2 4 3 1; do
  step=$((step + 4))
  check "$ranks rank(s) up to step $step" mpi "$ranks" "$anneal" train "$work/stage.yaml" --set run.dir="$work/many" "${common[@]}" --set train.steps=$step
  ((step == 4)) || grep -q "resuming at step $((step - 4)) of $step" "$work/out" || fail "it did not resume at step $((step - 4))"
done
order() { grep '"data_index"' "$1" | grep -o '"step":[0-9]*\|"data_index":[0-9]*' | paste - -; }
diff <(order "$work/one/metrics.jsonl") <(order "$work/many/metrics.jsonl") || fail "the samples are others"
(($(order "$work/many/metrics.jsonl" | wc -l) == 20)) || fail "not 20 steps"
paste <(losses "$work/one/metrics.jsonl" | sed 's/.*"loss"://') <(losses "$work/many/metrics.jsonl" | sed 's/.*"loss"://') |
  awk '{ d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > m) m = d; if ($1 != $2) n++ } END { printf "largest relative difference of the losses: %.2e over %d steps (%d differ at all)\n", m, NR, n; exit !(m <= 1e-5 && NR == 20) }' ||
  fail "the losses differ"
finish
