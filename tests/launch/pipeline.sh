# The quick start's pipeline in small: every stage, skipped when finished, resumed when killed, done
# again when something it depends on changed; the report is there.
source tests/launch/lib.sh "$1"
small=(--set train.steps=3 --set train.global_batch=4 --set generate.count=12 --set train.checkpoint_every=1
  --set corpus.corpus.documents=400 --set corpus.corpus.questions=80 --set base.model.dim=32 --set base.model.layers=2 --set base.model.ffn_dim=64
  --set base.model.heads=2 --set base.model.kv_heads=1 --set tokenizer.tokenizer.vocab_size=700 --set data.heldout_max_tokens=3000)
[[ -d /usr/share/wordnet ]] || { echo "skipped: the package wordnet-base is not installed"; exit 0; }
go() { mpi 2 "$anneal" run recipes/quickstart/pipeline.yaml "${small[@]}" --set run.dir="$1" "${@:2}"; }
# Files that a late stage asks for are missed before the first stage runs.
absent=("$anneal" run recipes/quickstart/pipeline.yaml --set run.dir="$work/absent")
expect_error 3 "chatt.jsonl" mpi 2 "${absent[@]}" --set "chat.data.sources={mine: {kind: chat, path: $work/chatt.jsonl}}"
expect_error 3 "cif_ift.tokenizer.path" "${absent[@]}" --set cif_ift.tokenizer.path="$work/no_tokenizer"
[[ ! -e $work/absent/corpus ]] || fail "a stage ran before the missing file was told"
check "whole pipeline" go "$work/calm"
cp "$work/out" "$work/first"
grep -q "untrained model" "$work/first" || { fail "no table at the end"; tail -n 20 "$work/first"; }
[[ -s $work/calm/report.html ]] || fail "no report"
python3 - "$work/calm/summary.json" <<'P' || fail "summary.json is not what interface.md says"
import json, sys
s = json.load(open(sys.argv[1]))
stages = {x["name"]: x for x in s["stages"]}
assert all(x["status"] == "done" for x in s["stages"]), s
m = stages["evaluate"]["metrics"]
for part in (m, m["baseline"], m["unconstrained"], m["reference"]):
    assert part["total"] >= 1 and 0 <= part["struct_valid_rate"] <= 1
assert m["total"] == 12 and m["parsed"] == 12 and m["baseline"]["parsed"] == 12, m
assert m["reference"]["struct_valid_rate"] == 1.0
P
check "again: nothing to do" go "$work/calm"
[[ $(grep -c "finished before" "$work/out") == 11 ]] || fail "finished stages were done again"
check "a changed stage and what builds on it" go "$work/calm" --set chat.train.steps=4 --set generate_untrained.generate.temperature=0.8
[[ $(grep -c "finished before" "$work/out") == 8 ]] || { fail "chat, generate_untrained and evaluate, and only they, should be done again"; grep == "$work/out"; }
check "a key of the score for all stages" go "$work/calm" --set chat.train.steps=4 --set generate_untrained.generate.temperature=0.8 --set "score.families=[lemat]"
[[ $(grep -c "finished before" "$work/out") == 10 ]] || { fail "only evaluate should be done again"; grep == "$work/out"; }
grep -q '"lemat_valid"' "$work/calm/evaluate/summary.json" || fail "the family was not judged"
expect_error 3 "score.hull" "${absent[@]}" --set evaluate.score.stability=true --set "evaluate.score.hull=$work/none*.csv"
kills=0
for attempt in $(seq 1 40); do
  go "$work/torn" >"$work/out" 2>&1 &
  job=$!
  if ((attempt <= 6)); then
    sleep "$((RANDOM % 4 + 1)).$((RANDOM % 10))"
    victim=$(pgrep -f "run.dir=$work/torn" | xargs -r -n1 sh -c '[ "$(cat /proc/$0/comm 2>/dev/null)" = anneal ] && echo $0' | shuf -n 1)
    [[ -n $victim ]] && kill -9 "$victim" 2>/dev/null && kills=$((kills + 1))
  fi
  wait $job && break
done
echo "killed $kills times, done at attempt $attempt"
check "calm again" go "$work/calm2"
for file in cpt/model/model.safetensors cif_ift/model/model.safetensors cif_peft/adapter/adapter_model.safetensors generate/generations.jsonl; do
  cmp "$work/calm2/$file" "$work/torn/$file" || fail "$file differs after kills"
done
finish
