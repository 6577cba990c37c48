#!/usr/bin/env python3
"""Speed of sampling against Hugging Face's generate(), in one sitting: runs of anneal and of the peer alternate.

  benchmarks/generate_speed.py [--rounds 3]

Random LLaMAs of 24 M and 134 M parameters with a vocabulary of 32,000, saved by the peers' environment (--python);
temperature 0.9, nucleus 0.9, 96 and 48 new tokens, batches of 1, 16 and 64, two threads, fp32. The peer is
../shared/peers/peer_generate.py, prompts of 32 tokens; anneal samples as many texts after its prompt for crystals
(50 to 60 tokens), grammar off, and its time includes reading the model. Prints tokens/s and the ratio: medians over
the rounds, with the range.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "benchmarks"))
from train_speed import run, spread

SIZES = {288: (6, 6, 768, 96), 768: (12, 12, 2048, 48)}  # dim: layers, heads, ffn, new tokens
SAVE = """
import sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
d, l, h, f = map(int, sys.argv[2:])
LlamaForCausalLM(LlamaConfig(hidden_size=d, num_hidden_layers=l, num_attention_heads=h, intermediate_size=f,
    vocab_size=32000, max_position_embeddings=512)).save_pretrained(sys.argv[1])
"""


def anneal(folder, dim, batch, program):
    tokens = SIZES[dim][3]
    count = max(batch, 4)
    start = time.perf_counter()
    run([program, "-q", "generate", "--model", f"{folder}/{dim}", "--crystals", str(count), "--batch", str(batch), "--max-tokens",
         str(tokens), "--no-grammar", "--temperature", "0.9", "--top-p", "0.9", "--out", f"{folder}/out"])
    return count * tokens / (time.perf_counter() - start)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--program", default=os.path.join(ROOT, "build/anneal"))
    p.add_argument("--python", default="/opt/ref/venv/bin")
    p.add_argument("--peers", default=os.path.join(ROOT, "../shared/peers"))
    p.add_argument("--tokenizer", default=os.path.join(ROOT, "../shared/data/tokenizers/torchtune_sentencepiece.model"))
    options = p.parse_args()
    folder = tempfile.mkdtemp(prefix="anneal_generate_")
    try:
        for dim, (layers, heads, ffn, _) in SIZES.items():
            run([f"{options.python}/python", "-c", SAVE, f"{folder}/{dim}", *map(str, (dim, layers, heads, ffn))])
            shutil.copy(options.tokenizer, f"{folder}/{dim}/tokenizer.model")
        ours, theirs = {}, {}
        for _ in range(options.rounds):
            out = run([f"{options.python}/python", os.path.join(options.peers, "peer_generate.py")])
            for line in map(json.loads, filter(lambda x: x.startswith("{"), out.splitlines())):
                key = (line["dim"], line["batch"])
                theirs.setdefault(key, []).append(line["tok_s"])
                ours.setdefault(key, []).append(anneal(folder, *key, options.program))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("| dim | batch | anneal tokens/s | generate() tokens/s | ratio |\n" + "| --- " * 5 + "|")
    for key in theirs:
        ratio = [a / b for a, b in zip(ours[key], theirs[key])]
        print(f"| {key[0]} | {key[1]} | {spread(ours[key], 0)} | {spread(theirs[key], 0)} | {spread(ratio, 2)} |")


if __name__ == "__main__":
    main()
