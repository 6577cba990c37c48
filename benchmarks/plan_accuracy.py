#!/usr/bin/env python3
"""What `anneal plan` foretells against what a run then measures: peak memory of a rank and seconds a step.

  benchmarks/plan_accuracy.py [--only 24m,134m,...] [--steps 6] [--no-time]

For each benchmark recipe: `anneal plan RECIPE --ranks N --json` (about ten seconds of measurement), then a run of a
few steps on random tokens, in the same sitting. Prints a row a recipe: planned and measured GiB of the rank with the
highest peak (wanted within 5 %), planned and median seconds a step but for the first (wanted within 15 %; the range
of the steps beside it). --no-time plans the memory alone.
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "benchmarks"))
from train_speed import environment

CASES = {"24m": 2, "80m_128k": 2, "134m": 2, "134m_ac": 2, "134m_selective": 2, "134m_lora": 1}


def run(command):
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def case(name, ranks, options):
    recipe, sets = f"benchmarks/recipes/{name}.yaml", []
    if name == "134m_selective":
        recipe, sets = "benchmarks/recipes/134m.yaml", ["--set", "train.activation_checkpointing=selective"]
    folder = tempfile.mkdtemp(prefix="anneal_plan_")
    try:
        plan = [options.program, "-q", "plan", recipe, "--ranks", str(ranks), "--json", *sets]
        planned = json.loads(run(plan + (["--no-calibration"] if options.no_time else [])).splitlines()[-1])
        out = run(["mpirun", "-n", str(ranks), options.program, "train", recipe, "--fresh", *sets,
                   "--set", f"run.dir={folder}/run", "--set", f"train.steps={options.steps}"])
        with open(f"{folder}/run/metrics.jsonl") as file:
            seconds = [json.loads(line)["step_seconds"] for line in file if "step_seconds" in line][1:]
        peaks = re.search(r"peak resident memory by rank: ([0-9., ]+) GiB", out).group(1)
        return planned, seconds, max(float(x) for x in peaks.split(","))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default=",".join(CASES))
    p.add_argument("--steps", type=int, default=6)
    p.add_argument("--no-time", action="store_true")
    p.add_argument("--program", default=os.path.join(ROOT, "build/anneal"))
    options = p.parse_args()
    print("| recipe | ranks | planned GiB | measured GiB | off by | planned s | median step s [range] | off by |\n" + "| --- " * 8 + "|")
    for name in options.only.split(","):
        planned, seconds, peak = case(name, CASES[name], options)
        gib = planned["memory_bytes"] / 2**30
        row = f"| {name} | {CASES[name]} | {gib:.3f} | {peak:.3f} | {100 * (gib / peak - 1):+.1f} % |"
        if "step_seconds" in planned:
            median = statistics.median(seconds)
            row += (f" {planned['step_seconds']:.2f} | {median:.2f} [{min(seconds):.2f}, {max(seconds):.2f}] | "
                    f"{100 * (planned['step_seconds'] / median - 1):+.1f} % |")
        else:
            row += " | | |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
