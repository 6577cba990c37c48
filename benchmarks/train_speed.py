#!/usr/bin/env python3
"""Training speed and memory against the peers, in one sitting: runs of anneal and of the peer alternate.

  benchmarks/train_speed.py [--rounds 3] [--steps 7] [--only 24m,134m] [--out benchmarks/train_speed.json]

Needs build/anneal, mpirun, and a Python environment with torch, transformers and peft for the peers
(--python, the folder of its python and torchrun) and their scripts (--peers, default ../shared/peers). Prints for
every benchmark recipe: tokens/s (all ranks) and peak resident memory a rank, median over the rounds and range, the
ratio to the peer (median of the rounds' ratios, range), and what the products of anneal's steps come to as a share
of the sgemm peak (sgemm_peak.py, two threads, the best of the sitting). On a machine that others use too, start it
with `chrt -r 1` (as root): it then gets 95 % of the cores.
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIG = ["--dim", "768", "--layers", "12", "--heads", "12", "--ffn", "2048", "--batch", "2"]
# recipe: (ranks of anneal, peer's script, its arguments, targets: times the peer's speed, of its memory)
CASES = {
    "24m": (2, "peer_fsdp2.py", [], 2.0, None),
    "134m": (2, "peer_fsdp2.py", BIG, 1.6, 0.6),
    "134m_ac": (2, "peer_fsdp2.py", BIG + ["--ac"], 1.6, None),
    "80m_128k": (2, "peer_fsdp2.py", ["--vocab", "128256", "--batch", "2"], None, 0.5),
    "134m_lora": (1, "peer_peft.py", [], 1.5, 0.5),
}


def environment():
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none",
               OMPI_MCA_btl_vader_single_copy_mechanism=os.environ.get("OMPI_MCA_btl_vader_single_copy_mechanism", "none"))
    return env


def run(command, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def anneal(name, ranks, steps, extra, program):
    folder = tempfile.mkdtemp(prefix="anneal_speed_")
    try:
        out = run(["mpirun", "-n", str(ranks), program, "train", f"benchmarks/recipes/{name}.yaml", "--fresh",
                   "--set", f"run.dir={folder}/run", "--set", f"train.steps={steps}"] + extra)
        with open(f"{folder}/run/metrics.jsonl") as file:
            lines = [json.loads(line) for line in file]
        lines = [line for line in lines if "tokens_per_second" in line]
        speeds = [line["tokens_per_second"] for line in lines]
        memory = re.search(r"peak resident memory by rank: ([0-9., ]+) GiB", out)
        return {"tok_s": statistics.median(speeds[2:]), "rss_gib": max(float(x) for x in memory.group(1).split(","))}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def peer(script, arguments, steps, options):
    path = os.path.join(options.peers, script)
    if script == "peer_fsdp2.py":
        out = run([f"{options.python}/torchrun", "--nproc-per-node", "2", path, *arguments, "--steps", str(steps)])
    else:
        out = run([f"{options.python}/python", path])
    result = json.loads([line for line in out.splitlines() if line.startswith("{")][-1])
    return {"tok_s": result.get("tok_s", result.get("lora_tok_s")), "rss_gib": result["rss_GiB"]}


def sgemm_peak(options):
    out = run([f"{options.python}/python", os.path.join(options.peers, "sgemm_peak.py")])
    best = {}
    for line in out.splitlines():
        threads, _, rate = line.split()
        best[threads] = max(best.get(threads, 0), float(rate))
    return best


def flops_per_token(name):
    """Of the products of a forward and backward pass, causal attention counted by half (trainer/initial_weights.cpp)."""
    with open(os.path.join(ROOT, f"benchmarks/recipes/{name}.yaml")) as file:
        text = file.read()
    d, layers, f, v, length = (int(re.search(rf"\b{key}: (\d+)", text).group(1))
                               for key in ("dim", "layers", "ffn_dim", "vocab_size", "sequence_length"))
    return (4 if "adapter:" in text else 6) * (layers * (4 * d * d + 3 * d * f) + d * v) + 6 * layers * d * length


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, default=7)
    p.add_argument("--only", default=",".join(CASES))
    p.add_argument("--program", default=os.path.join(ROOT, "build/anneal"))
    p.add_argument("--python", default="/opt/ref/venv/bin")
    p.add_argument("--peers", default=os.path.join(ROOT, "../shared/peers"))
    p.add_argument("--out", default="")
    p.add_argument("--set", action="append", default=[], help="passed on to anneal")
    options = p.parse_args()
    extra = [part for item in options.set for part in ("--set", item)]
    results, peaks = {}, [sgemm_peak(options)]
    for name in options.only.split(","):
        ranks, script, arguments, speed_target, memory_target = CASES[name]
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(anneal(name, ranks, options.steps, extra, options.program))
            theirs.append(peer(script, arguments, options.steps, options))
            print(f"  {name}: anneal {ours[-1]['tok_s']:.0f} tokens/s {ours[-1]['rss_gib']:.2f} GiB, "
                  f"peer {theirs[-1]['tok_s']:.0f} tokens/s {theirs[-1]['rss_gib']:.2f} GiB", flush=True)
        peaks.append(sgemm_peak(options))
        speed = [a["tok_s"] / b["tok_s"] for a, b in zip(ours, theirs)]
        memory = [a["rss_gib"] / b["rss_gib"] for a, b in zip(ours, theirs)]
        results[name] = {"anneal": ours, "peer": theirs, "speed_ratio": speed, "memory_ratio": memory}
        print(f"{name}: speed {spread(speed, 2)} x (wanted {speed_target or '-'}), "
              f"memory {spread(memory, 2)} x (wanted at most {memory_target or '-'})", flush=True)
    print("\n| recipe | anneal tokens/s | peer tokens/s | ratio | anneal GiB a rank | peer GiB | ratio | of the sgemm peak |\n" + "| --- " * 8 + "|")
    peak = max(x["2"] for x in peaks) * 1e9
    for name, r in results.items():
        for x in r["anneal"]:
            x["share"] = x["tok_s"] * flops_per_token(name) / peak
        column = lambda who, key, digits: spread([x[key] for x in r[who]], digits)
        print(f"| {name} | {column('anneal', 'tok_s', 0)} | {column('peer', 'tok_s', 0)} | {spread(r['speed_ratio'], 2)} | "
              f"{column('anneal', 'rss_gib', 2)} | {column('peer', 'rss_gib', 2)} | {spread(r['memory_ratio'], 2)} | "
              f"{column('anneal', 'share', 2)} |")
    print("sgemm peak (GFLOP/s), 1 thread: " + spread([x["1"] for x in peaks], 0) +
          "; 2 threads: " + spread([x["2"] for x in peaks], 0))
    if options.out:
        with open(options.out, "w") as file:
            json.dump({"results": results, "sgemm_peak": peaks}, file, indent=1)


if __name__ == "__main__":
    main()
