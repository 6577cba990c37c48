# anneal plan: its memory against a run's peak, a recipe that cannot fit, the devices.
source tests/launch/lib.sh "$1"
recipe=benchmarks/recipes/24m.yaml
small=(--set train.global_batch=4 --set train.sequence_length=256)

# Peak memory within 5 % (the bound of issue 4) of the higher rank's, for training in full, checkpointed, and LoRA.
for change in train.activation_checkpointing=none train.activation_checkpointing=full "adapter={kind: lora, r: 8}"; do
  check "plan with $change" "$anneal" -q plan $recipe --ranks 2 --json --calibration-s 2 "${small[@]}" --set "$change"
  cp "$work/out" "$work/out.plan"
  planned=$(tail -n 1 "$work/out" | sed 's/.*"memory_bytes":\([0-9.e+]*\).*/\1/')
  check "run with $change" mpi 2 "$anneal" train $recipe --fresh "${small[@]}" --set "$change" --set train.steps=3 --set run.dir="$work/run"
  tail -n 1 "$work/out.plan" | grep -qE '"step_seconds":[0-9.e-]+' || fail "no time of a step"
  tail -n 1 "$work/out.plan" | grep -qE '"round_spread":[1-9]' || fail "no spread of the rounds"
  measured=$(sed -n 's/.*peak resident memory by rank: \([0-9.]*\), \([0-9.]*\) GiB.*/\1 \2/p' "$work/out")
  awk -v planned="$planned" -v peaks="$measured" 'BEGIN {
    split(peaks, p, " "); peak = (p[1] > p[2] ? p[1] : p[2]) * 2 ^ 30
    printf "planned %.3f GiB, measured %.3f\n", planned / 2 ^ 30, peak / 2 ^ 30
    exit !(peak > 0 && planned > 0.95 * peak - 5e6 && planned < 1.05 * peak + 5e6)  # peaks are printed to 0.01 GiB
  }' || fail "memory of $change"
done

expect_error 2 "it would fit with --set train.micro_batch=" "$anneal" plan benchmarks/recipes/134m.yaml --ranks 2 --no-calibration --set train.global_batch=65536
expect_error 2 "train.replicate 2 does not divide the 3 ranks" "$anneal" plan $recipe --ranks 3 --no-calibration --set train.replicate=2
expect_error 2 "there is no such device" "$anneal" plan $recipe --ranks 2 --device h1000
check "LLaMA-2-7B on eight H100" "$anneal" plan recipes/llamat2/cpt.yaml --ranks 8 --device h100
grep -q "tokens a second" "$work/out" || fail "no tokens a second for h100"
expect_error 2 "--ranks" "$anneal" plan recipes/llamat2/cpt.yaml --ranks 1 --device a100
finish
