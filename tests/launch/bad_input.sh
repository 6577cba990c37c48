# Bad input: one clear message, the right exit code, no hang, nothing half-written taken for whole.
source tests/launch/lib.sh "$1"
make_small_stage
stage=$work/stage.yaml
expect_error 2 "did you mean 'sequence_length'" "$anneal" train "$stage" --set train.seqence_length=32
sed 's/global_batch/globl_batch/' "$stage" >"$work/typo.yaml"
expect_error 2 "typo.yaml:13" mpi 2 "$anneal" train "$work/typo.yaml"
expect_error 2 "train.steps" "$anneal" train "$stage" --set train.steps=-3
[[ $(uname -m) != x86_64 ]] || expect_error 2 "ANNEAL_TILE_UNITS=maybe" env ANNEAL_TILE_UNITS=maybe "$anneal" train "$stage" --set run.dir="$work/tiles"
expect_error 2 "sum" "$anneal" train "$stage" --set data.mixture.general=0.5
expect_error 3 "nothing.txt" mpi 2 "$anneal" train "$stage" --set data.sources.general.path="$work/in/nothing.txt"
: >"$work/in/empty.txt"
expect_error 3 "empty.txt" "$anneal" train "$stage" --set data.sources.general.path="$work/in/empty.txt"
printf 'good line\nbad \xff\xfe line\n' >"$work/in/invalid.txt"
expect_error 3 "invalid.txt:2" "$anneal" train "$stage" --set data.sources.general.path="$work/in/invalid.txt"
printf 'a,b\n1,2\n' >"$work/in/table.csv"
expect_error 3 "text" "$anneal" train "$stage" --set "data.sources.general={kind: csv, path: $work/in/table.csv}"
expect_error 3 "cif" "$anneal" score "$work/in/table.csv" --out "$work/score"
expect_error 3 "no_such.csv" "$anneal" score "$work/in/no_such.csv" --out "$work/score"
[[ -e $work/score/summary.json ]] && fail "a failed score left a summary"
expect_error 2 "count" "$anneal" generate recipes/quickstart/generate.yaml --set generate.count=0
expect_error 2 "--crystals" "$anneal" generate --model "$work" --crystals 0
expect_error 3 "no_model" "$anneal" generate --model "$work/no_model" --prompt x
expect_error 2 "anneal --help" "$anneal" frobnicate
expect_error 2 "-1 is less than 0" "$anneal" generate --model "$work" --prompt x --temperature -1
expect_error 2 "does not go with a RECIPE" "$anneal" generate recipes/quickstart/generate.yaml --temperature 0
expect_error 2 "--set changes a RECIPE" "$anneal" generate --model tests/trainer/references/tiny_untied --prompt x --set generate.temperature=0
expect_error 2 "no token id" "$anneal" logits --model tests/trainer/references/tiny_untied --ids ""
expect_error 3 "no_folder" "$anneal" inspect "$work/no_folder"
for command in "" run prepare train generate score match eval convert tokenizer logits inspect chat report plan; do
  "$anneal" $command --help 2>&1 | grep -q -- --quiet || fail "anneal $command --help does not list --quiet"
done

# Shards: cut short, or of another tokenizer.
check "a small run" "$anneal" -q train "$stage"
shard=$(ls "$work"/run/shards/train*.h5 | head -n 1)
cp -r "$work/run/shards" "$work/shards"
truncate -s -100 "$work/shards/$(basename "$shard")"
expect_error 3 "$(basename "$shard")" "$anneal" train "$stage" --set run.dir="$work/cut" --set "data={shards: $work/shards}"
cp -r "$work/run/shards" "$work/shards2"
"$anneal" -q run "$work/tokenizer.yaml" --set run.dir="$work/tokenizer2" --set tokenizer.vocab_size=380 >/dev/null 2>&1
cp "$work/tokenizer2/tokenizer.model" "$work/shards2/tokenizer.model"
expect_error 3 "tokenizer" mpi 2 "$anneal" train "$stage" --set run.dir="$work/other" --set "data={shards: $work/shards2}"

# Checkpoints: a damaged newest one falls back to the one before, all damaged is an error.
rm -rf "$work/run/model" "$work/run/stage.json"
truncate -s -64 "$work/run/checkpoints/step_00000012/rank_00000.safetensors"
check "falls back to the checkpoint before" "$anneal" train "$stage"
grep -q "is damaged" "$work/out" && grep -q "resuming at step 8" "$work/out" || { fail "no fallback"; cat "$work/out"; }
[ -d "$work/run/checkpoints/damaged_step_00000012" ] || fail "the damaged checkpoint was not set aside"
check "two ranks fall back as well" mpi 2 "$anneal" -q train "$stage" --set run.dir="$work/two"
rm -rf "$work/two/model" "$work/two/stage.json"
truncate -s -64 "$work/two/checkpoints/step_00000012/rank_00001.safetensors"
check "two ranks, one damaged file" mpi 2 "$anneal" train "$stage" --set run.dir="$work/two"
grep -q "resuming at step 8" "$work/out" || { fail "no fallback on two ranks"; cat "$work/out"; }
rm -rf "$work/two/model" "$work/two/stage.json"
expect_error 2 " -> 0.125" "$anneal" train "$stage" --set run.dir="$work/two" --set train.optimizer.lr=0.125
expect_error 2 "train.replicate 2 does not divide the 3 ranks" mpi 3 "$anneal" train "$stage" --set run.dir="$work/three" --set train.replicate=2
[ ! -e "$work/three/shards" ] || fail "the data were prepared for a mesh that cannot be"
sed -i 's/"samples": /"samples": 1/' "$work/two/checkpoints/step_00000012/manifest.json"
check "a wrong number in the manifest" mpi 2 "$anneal" train "$stage" --set run.dir="$work/two"
grep -q "manifest.json does not match its checksum" "$work/out" && grep -q "resuming at step 8" "$work/out" || fail "a wrong number was taken"
expect_error 2 "an adapter needs a base" "$anneal" train "$stage" --set adapter.kind=lora
expect_error 2 "the recipe ends at step" "$anneal" train "$stage" --set run.dir="$work/two" --set train.steps=5
for file in "$work"/run/checkpoints/step_*/rank_00000.safetensors; do truncate -s -64 "$file"; done
expect_error 3 "is damaged" "$anneal" train "$stage" --set train.steps=13

# A full disk: a small tmpfs (needs the right to mount).
mkdir -p "$work/small"
if mount -t tmpfs -o size=600k tmpfs "$work/small" 2>/dev/null; then
  trap 'umount "$work/small"; rm -rf "$work"' EXIT
  expect_error 3 "No space left" mpi 2 "$anneal" train "$stage" --set run.dir="$work/small/run"
  [[ -z $(find "$work/small" -name manifest.json -path '*step_*') ]] || fail "a checkpoint without room looks whole"
else
  echo "skipped: full disk (mounting a tmpfs is not allowed here)"
fi

# A rank that dies ends the job, with a message and no orphan.
mpi 2 "$anneal" train "$stage" --set run.dir="$work/dying" --set train.steps=100000 >"$work/out" 2>&1 &
job=$!
for _ in $(seq 100); do grep -q '"step":3,' "$work/dying/metrics.jsonl" 2>/dev/null && break; sleep 0.1; done
victim=$(pgrep -f "run.dir=$work/dying" | xargs -r -n1 sh -c '[ "$(cat /proc/$0/comm /proc/$(ps -o ppid= -p $0 | tr -d " ")/comm 2>/dev/null | sort -u)" = anneal ] && echo $0' | tail -n 1)
kill -9 "$victim"
wait $job
code=$?
((code == 4)) && echo "ok: a killed rank ends the job with exit code 4" || fail "exit code $code for a killed rank"
[[ $(grep -c "^anneal: error: rank . on .* was ended by signal 9" "$work/out") == 1 ]] || { fail "no message about the killed rank"; tail "$work/out"; }
sleep 0.5
pgrep -f "run.dir=$work/dying" >/dev/null && fail "orphans are left"
finish
