#!/usr/bin/env python3
"""How fast crystals are judged, against the Python programs that people use.

    python benchmarks/score_speed.py parts --python /opt/ref/venv/bin/python     (bench_crystals and ../shared/peers/peer_score.py in turn)
    python benchmarks/score_speed.py scale                                       (anneal score with one and two threads)
    python benchmarks/score_speed.py memory --rows 1000000                       (peak memory for 10,000 and for N rows)
    python benchmarks/score_speed.py sets --sizes 2500,5000,10000                (N crystals compared with N others: fingerprints, matching and all)

Build first: ninja -C build anneal bench_crystals. Prints Markdown for benchmarks/score.md.
"""
import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

csv.field_size_limit(10**9)
parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["parts", "scale", "memory", "sets"])
parser.add_argument("--python", default=sys.executable, help="an interpreter with pymatgen, matminer and smact")
parser.add_argument("--data", default="../shared/data")
parser.add_argument("--peer", default="../shared/peers/peer_score.py")
parser.add_argument("--build", default="build")
parser.add_argument("--count", type=int, default=40, help="crystals that the peer judges")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--sizes", default="2500,5000,10000")
args = parser.parse_args()
table = f"{args.data}/cif/mp.csv"


def last_json(command):
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def spread(values):
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def write_rows(path, rows):
    """A table of `rows` crystals: those of mp.csv over and over."""
    with open(table, newline="") as source:
        header, *body = list(csv.reader(source))
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        for i in range(rows):
            writer.writerow(body[i % len(body)])


def write_cifs(path, cifs):
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["cif"])
        writer.writerows([c] for c in cifs)


def score(path, threads, out, more=()):
    """Wall seconds and peak MiB of `anneal score`."""
    before = time.perf_counter()
    child = subprocess.Popen([f"{args.build}/anneal", "-q", "score", path, "--out", out, "--threads", str(threads), *more])
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, status
    return time.perf_counter() - before, usage.ru_maxrss / 1024


if args.what == "parts":
    one_core = ["taskset", "-c", "0", "env", "OMP_NUM_THREADS=1"]
    ours, theirs = [], []
    for _ in range(args.rounds):
        # processor time on both sides: what others do on a shared machine does not count
        peer = f"import sys, time; time.perf_counter = time.process_time; sys.argv = {['peer', table, str(args.count)]}; exec(open({args.peer!r}).read())"
        theirs.append(last_json(one_core + [args.python, "-c", peer]))
        ours.append(last_json(one_core + [f"{args.build}/bench_crystals", table, "--count", str(args.count), "--repeat", "20"]))
    versions = subprocess.run([args.python, "-c", "from importlib.metadata import version as v; print(', '.join(f'{p} {v(p)}' for p in ('pymatgen', 'matminer', 'smact', 'numpy')))"],
                              capture_output=True, text=True).stdout.strip()
    print(f"First {args.count} crystals of cif/mp.csv, one core, ms of processor time a crystal, median of {args.rounds} alternating rounds (range); {versions}.\n")
    print("| part | anneal | Python | ratio |\n| --- | --- | --- | --- |")
    groups = {"parsing and both validities": ["parse", "struct", "comp"], "CrystalNN and Magpie": ["crystalnn", "magpie"]}
    for name, parts in [(p, [p]) for p in ("parse", "struct", "comp", "crystalnn", "magpie")] + list(groups.items()):
        a = [sum(r[p] for p in parts) for r in ours]
        b = [sum(r[p] for p in parts) for r in theirs]
        print(f"| {name} | {spread(a)} | {spread(b)} | {spread([y / x for x, y in zip(a, b)])} |")
elif args.what == "sets":
    # all sets of shared/data, shuffled; the second half of the pool is the other set, so that little matches, but
    # the 2,000 allotropes of carbon and the perovskites of equal formula fill the prefilter's bins
    pool = []
    for name in ("mp", "oqmd", "carbon_24_val", "perov_5_val"):
        with open(f"{args.data}/cif/{name}.csv", newline="") as source:
            pool += [row["cif"] for row in csv.DictReader(source)]
    random.Random(1).shuffle(pool)
    print(f"{len(pool):,} different crystals in the pool; two threads; N of them, shuffled, against N (the two sets share what the pool does not suffice for).\n")
    print("| N | seconds | peak MiB | unique | novel by matching |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, args.sizes.split(",")):
            write_cifs(f"{folder}/a.csv", pool[:size])
            write_cifs(f"{folder}/b.csv", pool[-size:])
            seconds, peak = score(f"{folder}/a.csv", 2, f"{folder}/out", ["--reference", f"{folder}/b.csv", "--compare", "0", "--no-report"])
            summary = json.load(open(f"{folder}/out/summary.json"))
            print(f"| {size:,} | {seconds:.1f} | {peak:.0f} | {summary['uniqueness']:.4f} | {summary['novelty_by_matching']:.4f} |", flush=True)
else:
    with tempfile.TemporaryDirectory() as folder:
        if args.what == "scale":
            write_rows(f"{folder}/in.csv", 200_000)
            times = {1: [], 2: []}
            for _ in range(args.rounds):
                for threads in times:
                    times[threads].append(score(f"{folder}/in.csv", threads, f"{folder}/out")[0])
            print(f"200,000 crystals of cif/mp.csv, wall seconds: one thread {spread(times[1])}, two {spread(times[2])}; "
                  f"ratio {spread([a / b for a, b in zip(times[1], times[2])])}")
        else:
            for rows in (10_000, args.rows):
                write_rows(f"{folder}/in.csv", rows)
                seconds, peak = score(f"{folder}/in.csv", 2, f"{folder}/out")
                print(f"{rows:,} rows ({os.path.getsize(f'{folder}/in.csv') / 2**20:.0f} MiB): {seconds:.1f} s, peak {peak:.0f} MiB")
