# Models of others: the greedy text of stories260K, conversion there and back, tokenizers, parity on the command line.
source tests/launch/lib.sh "$1"
references=tests/trainer/references
check "logits as JSON" "$anneal" logits --model $references/tiny_untied --ids 1,2,3
grep -q '^{"logits":\[' "$work/out" || fail "no logits"
check "nll as JSON" "$anneal" logits --model $references/tiny_untied --ids 1,2,3 --nll
for name in tiny_untied tiny_tied tiny_bf16; do
  check "convert $name" "$anneal" convert $references/$name "$work/$name"
  cmp $references/$name/model.safetensors "$work/$name/model.safetensors" || fail "$name: weights differ"
  cmp $references/$name/config.json "$work/$name/config.json" || fail "$name: config differs"
done
# Byte-pair tokenizers: a model from scratch with a tokenizer.json, one that goes on from its folder, and one with a
# tiktoken file; the file travels, and ids are the same everywhere.
own=tests/data/bpe
printf 'The lattice of BaTiO3 is cubic.\n%.0s' {1..60} >"$work/text.txt"
mkdir -p "$work/tiktoken" "$work/json"
cp $own/byte_level.model "$work/tiktoken/tokenizer.model"
cp $own/byte_level.json "$work/json/tokenizer.json"
echo '{"eos_token": "<|eot_id|>"}' >"$work/json/tokenizer_config.json"
for kind in json tiktoken; do
  for part in run next; do
    cat >"$work/$kind-$part.yaml" <<Y
stage: train
run: {dir: $work/$kind-$part}
$([[ $part == run ]] && echo "model: {layers: 1, dim: 16, heads: 2, kv_heads: 2, ffn_dim: 32}" || echo "model: {from: $work/$kind-run}")
$([[ $part == run ]] && echo "tokenizer: {path: $work/$kind}")
data: {sources: {text: {kind: text, path: $work/text.txt, document: line}}}
train: {steps: 2, global_batch: 2, sequence_length: 32}
Y
  done
  check "train with a $kind tokenizer" mpi 2 "$anneal" train "$work/$kind-run.yaml"
  check "go on from its folder" "$anneal" train "$work/$kind-next.yaml"
  check "convert it" "$anneal" convert "$work/$kind-next" "$work/$kind-out"
  for at in "$work/$kind" "$work/$kind-run/model" "$work/$kind-next/shards" "$work/$kind-out"; do
    echo 'BaTiO3, 0.125' | "$anneal" tokenizer encode --model "$at" >"$work/ids" 2>"$work/out" || fail "encode with $at"
    [[ -e $work/$kind.ids ]] || cp "$work/ids" "$work/$kind.ids"
    cmp "$work/$kind.ids" "$work/ids" || fail "ids of $at"
    "$anneal" tokenizer decode --model "$at" <"$work/ids" | grep -qx 'BaTiO3, 0.125' || fail "decode with $at"
  done
  "$anneal" generate --model "$work/$kind-out" --prompt "The" --max-tokens 5 >"$work/out" 2>&1 || fail "generate with a $kind tokenizer"
done
cmp $own/byte_level.json "$work/json-out/tokenizer.json" || fail "tokenizer.json did not travel"
cmp "$work/json/tokenizer_config.json" "$work/json-next/model/tokenizer_config.json" || fail "tokenizer_config.json did not travel"
cmp $own/byte_level.model "$work/tiktoken-out/tokenizer.model" || fail "tokenizer.model did not travel"
[[ ! -e $work/tiktoken-out/tokenizer.json ]] || fail "a tokenizer.json came from nowhere"
cmp "$work/json.ids" "$work/tiktoken.ids" || fail "the two tokenizers differ"
stories=../shared/data/models/stories260K.bin
if [[ ! -e $stories ]]; then
  echo "skipped: stories260K ($stories is not there)"
else
  expected=../shared/data/models/expected_greedy_200.txt
  "$anneal" generate --model $stories --prompt "" --temperature 0 --max-tokens 200 >"$work/story" 2>"$work/out" || fail "generate"
  cmp $expected "$work/story" && echo "ok: the greedy story" || fail "the greedy story differs"
  check "to a Hugging Face folder" "$anneal" convert $stories "$work/stories"
  check "and back" "$anneal" convert "$work/stories" "$work/again.bin"
  cmp $stories "$work/again.bin" || fail "llama2.c round trip"
  "$anneal" generate --model "$work/stories" --prompt "" --temperature 0 --max-tokens 200 >"$work/story2" 2>"$work/out" || fail "generate from the folder"
  cmp $expected "$work/story2" || fail "the story from the Hugging Face folder differs"
  # Continued pretraining from it on materials text lowers the materials loss.
  cat >"$work/cpt.yaml" <<Y
stage: train
run: {dir: $work/cpt}
model: {from: $stories}
tokenizer: {path: ../shared/data/models/tok512.bin}
data:
  sources:
    materials: {kind: text, path: ../shared/data/text/materials/*}
    general: {kind: text, path: ../shared/data/text/general/wikitext2_valid.txt}
  mixture: {materials: 0.97, general: 0.03}
  heldout_max_tokens: 6000
train: {steps: 15, global_batch: 8, sequence_length: 128, optimizer: {lr: 2e-3}}
Y
  check "continued pretraining from stories260K" mpi 2 "$anneal" train "$work/cpt.yaml"
  python3 - "$work/cpt/summary.json" <<'P' || fail "the materials loss did not fall"
import json, sys
m = json.load(open(sys.argv[1]))["metrics"]
print("materials", m["heldout_before"]["materials"], "->", m["heldout_after"]["materials"], " general", m["heldout_before"]["general"], "->", m["heldout_after"]["general"])
sys.exit(not m["heldout_after"]["materials"] < m["heldout_before"]["materials"] - 0.1)
P
fi
finish
