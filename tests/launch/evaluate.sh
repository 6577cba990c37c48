# launch/evaluate_checkpoint: the held-out losses of a checkpoint are those that training measured there; a
# damaged one is named and does not stop the others.
source tests/launch/lib.sh "$1"
make_small_stage
export ANNEAL_PROGRAM=$anneal
run=$work/run
check "a run with four checkpoints" mpi 2 "$anneal" -q train "$work/stage.yaml" --set run.dir="$run" --set train.keep_checkpoints=9 --set train.checkpoint_every=3 --set train.validate_every=3
check "one checkpoint" launch/evaluate_checkpoint "$run/checkpoints/step_00000006"
grep -q "step_00000006: mean held-out loss" "$work/out" || { fail "it does not say the loss"; cat "$work/out"; }
# value FILE STEP SPLIT: a loss of evaluation.json; measured STEP SPLIT: the same by training.
value() { tr -d ' \n' <"$1" | grep -o "\"step\":$2,[^}]*\"heldout\":{.*" | head -c 600 | grep -o "\"$3\":{\"loss\":[^,]*" | head -n 1 | sed 's/.*://'; }
measured() { grep "\"step\":$1,\"split\":\"$2\"" "$run/metrics.jsonl" | sed 's/.*"loss":\([^,]*\),.*/\1/'; }
same() { awk -v a="$1" -v b="$2" 'BEGIN { d = (a - b) / b; if (d < 0) d = -d; exit !(a > 0 && d < 1e-6) }'; }
for split in general materials; do
  same "$(value "$run/evaluation/evaluation.json" 6 $split)" "$(measured 6 $split)" || fail "$split at step 6: $(value "$run/evaluation/evaluation.json" 6 $split), training measured $(measured 6 $split)"
done
truncate -s -64 "$run/checkpoints/step_00000009/rank_00001.safetensors"
ANNEAL_RANKS=2 check "all checkpoints, one of them damaged" launch/evaluate_checkpoint "$run" --every --out "$work/all"
for step in 3 6 12; do
  same "$(value "$work/all/evaluation.json" $step general)" "$(measured $step general)" || fail "general at step $step: $(value "$work/all/evaluation.json" $step general), training measured $(measured $step general)"
done
same "$(value "$work/all/evaluation.json" 0 general)" "$(measured 0 general)" || fail "the start is not what training measured at step 0"
grep -q "step_00000009.*is damaged" "$work/out" || { fail "the damaged one is not named"; cat "$work/out"; }
grep -q '"best": "step_' "$work/all/evaluation.json" || fail "no best checkpoint"
grep -q "<svg" "$work/all/evaluation.html" && ! grep -qE "(src|href)=['\"]http" "$work/all/evaluation.html" || fail "no curve, or not self-contained"
expect_error 3 "is no training run" "$anneal" evaluate "$work/in"
# The nodes: who computes, and a timed all-reduce whose sums are checked.
check "check of the nodes" mpi 3 "$anneal" check
grep -q "rank 2 on $(hostname)" "$work/out" && grep -q "all-reduce of 64 MiB" "$work/out" || { fail "no table"; cat "$work/out"; }
finish
