#!/usr/bin/env python3
"""How a training step's time and memory grow: ranks, parameters, row length, activation checkpointing.

  benchmarks/cost.py [--only ranks,parameters,length,checkpointing] [--steps 5] > table.md

Every row is one run of build/anneal on random tokens. Beside the measured step time and peak resident memory a
rank stands what the formulae below give; the one for time is to be compared with the fastest step, which others on
the machine disturb least. Two constants of each table are measured: the rate of useful arithmetic (FLOP/s of a core,
the median of the rows' fastest steps), and on the first row the memory that does not depend on the model (libraries,
MPI).

FLOPs a step   T (6 M + 6 L H e S/2 * 2) + recomputation; T tokens a step, M matrix weights used a token
               (blocks and head), S row length; full: 2 T (M_blocks - D F L) (L-1)/L more, and the attention once
               more; selective: 2 T 2 D F (L-1) more
memory a rank  16 N / W (weights, gradient, two moments; 4 for frozen) + gathered weights and gradients
               (none for one rank) + 4 t (L A + transients) + logits; t tokens a rank,
               A = 2 D + E + O + 2 F + H + 2 numbers a token and block (selective: without 2 F; full: D)
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIZES = {  # name: dim, layers, heads, ffn (vocabulary 32000 but for the smallest)
    "6 M": (192, 4, 4, 512, 8192), "24 M": (288, 6, 6, 768, 32000),
    "60 M": (512, 8, 8, 1376, 32000), "134 M": (768, 12, 12, 2048, 32000),
}
SMALL = 256 << 20  # below this much the gathered weights stay (recipe key train.reshard: auto)


def formulae(size, ranks, rows, length, keep):
    d, layers, heads, f, v = SIZES[size]
    o, e, t = d, 3 * d, rows * length
    block = 2 * d + e * d + o * d + 3 * d * f
    edges = 2 * v * d + d
    n = layers * block + edges
    matrices = layers * (block - 2 * d)
    flops = t * ranks * (6 * (matrices + v * d) + layers * 6 * o * length)
    if keep == "full":
        flops += t * ranks * (layers - 1) * (2 * (block - 2 * d - d * f) + 2 * o * length)
    if keep == "selective":
        flops += t * ranks * (layers - 1) * 4 * d * f
    kept = {"none": 2 * d + e + o + 2 * f + heads + 2, "selective": 2 * d + e + o + heads + 2, "full": d}[keep]
    last = 2 * d + e + o + 2 * f + heads + 2  # the last block (and the one computed again) has all
    numbers = 16 * n / ranks / 4
    if ranks > 1:
        slots = layers if 4 * layers * block <= SMALL else 2
        shared = 4 * n > SMALL
        numbers += 2 * slots * block                          # weights and gradients
        numbers += v * d * (1 if shared else 2) + v * d       # weights; the gradients always share
    chunk = min(512, max(16, 2**24 // v), t)
    head = t * 5 * d + chunk * v
    ffn = t * (2 * f + 4 * d)
    attention = t * (e + 5 * d)
    numbers += t * ((layers - 1) * kept + last) + max(head, ffn, attention)
    return flops, 4 * numbers / 2**30, n


def run(size, ranks, rows, length, keep, options):
    d, layers, heads, f, v = SIZES[size]
    folder = tempfile.mkdtemp(prefix="anneal_cost_")
    sets = {"run.dir": f"{folder}/run", "train.steps": options.steps, "train.global_batch": rows * ranks,
            "train.sequence_length": length, "train.threads": 1, "train.activation_checkpointing": keep,
            "model": f"{{dim: {d}, layers: {layers}, heads: {heads}, ffn_dim: {f}, vocab_size: {v}, max_positions: {length}}}"}
    command = ["mpirun", "-n", str(ranks), options.program, "train", "benchmarks/recipes/24m.yaml", "--fresh"]
    for key, value in sets.items():
        command += ["--set", f"{key}={value}"]
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none",
               OMPI_MCA_btl_vader_single_copy_mechanism="none")
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    try:
        if done.returncode != 0:
            sys.exit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stderr[-2000:]}")
        with open(f"{folder}/run/metrics.jsonl") as file:
            seconds = [json.loads(line)["step_seconds"] for line in file][1:]
        memory = re.search(r"peak resident memory by rank: ([0-9., ]+) GiB", done.stdout)
        return seconds, max(float(x) for x in memory.group(1).split(","))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(title, rows, options):
    measured = []
    for row in rows:
        print(f"{title.lower()}: {row}", file=sys.stderr, flush=True)
        measured.append(run(*row, options))
    print(f"\n### {title}\n\n| parameters | ranks | rows a rank | row length | checkpointing | step s, fastest | formula | median [range] | "
          "GiB a rank | formula |\n" + "| --- " * 10 + "|")
    expected = [formulae(*row) for row in rows]
    cores = [min(ranks, os.cpu_count()) for _, ranks, *_ in rows]  # a second rank has a core of its own, a third has not
    rate = statistics.median(flops / min(seconds) / n for (flops, _, _), (seconds, _), n in zip(expected, measured, cores))
    base = measured[0][1] - expected[0][1]
    for (_, ranks, batch, length, keep), (flops, gib, n), (seconds, memory), busy in zip(rows, expected, measured, cores):
        print(f"| {n / 1e6:.1f} M | {ranks} | {batch} | {length} | {keep} | {min(seconds):.2f} | {flops / rate / busy:.2f} | "
              f"{statistics.median(seconds):.2f} [{min(seconds):.2f}, {max(seconds):.2f}] | {memory:.2f} | {gib + base:.2f} |", flush=True)
    print(f"\n{rate / 1e9:.0f} GFLOP/s a core, {base:.2f} GiB beside the model")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="ranks,parameters,length,checkpointing")
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--program", default=os.path.join(ROOT, "build/anneal"))
    options = p.parse_args()
    tables = {
        "ranks": ("Ranks", [("24 M", w, 2, 512, "none") for w in (1, 2, 4)]),
        "parameters": ("Parameters", [(size, 2, 2, 512, "none") for size in SIZES]),
        "length": ("Row length", [("24 M", 2, 4096 // s, s, "none") for s in (256, 512, 1024, 2048, 4096)]),
        "checkpointing": ("Activation checkpointing", [("134 M", 2, 2, 512, k) for k in ("none", "selective", "full")]),
    }
    for name in options.only.split(","):
        table(*tables[name], options)


if __name__ == "__main__":
    main()
