"""CHGNet here and in Python (package chgnet, weights 0.3.0), in turns: energy + forces + stress + magnetic moments one by
one and batched, and relaxation of perturbed crystals as ../shared/peers/peer_relax.py does it.

  python benchmarks/stability.py build/bench_stability mp.csv [--count 60] [--relax 8] [--rounds 3] [--steps 100]

Needs Python with torch, chgnet and pymatgen. One thread on both sides, processor time (what others do
on a shared machine does not count); then the largest difference of relaxed energies. Weights: chgnet_weights."""
import argparse, csv, json, os, statistics, subprocess, tempfile, time, warnings

warnings.filterwarnings("ignore")
csv.field_size_limit(10**9)
import numpy as np
import torch

torch.set_num_threads(1)
from chgnet.model import CHGNet, StructOptimizer
from pymatgen.core import Structure
from pymatgen.io.cif import CifWriter

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("table")
parser.add_argument("--count", type=int, default=60)
parser.add_argument("--relax", type=int, default=8)
parser.add_argument("--steps", type=int, default=100)
parser.add_argument("--rounds", type=int, default=3)
arguments = parser.parse_args()
from importlib.metadata import version

print(", ".join(f"{name} {version(name)}" for name in ("chgnet", "torch", "pymatgen")))
model = CHGNet.load(use_device="cpu", verbose=False)
structures = []
for row in csv.DictReader(open(arguments.table)):
    s = Structure.from_str(row["cif"], fmt="cif")
    if len(structures) == arguments.count:
        break
    try:
        model.graph_converter(s)
        structures.append(s)
    except ValueError:
        pass  # isolated atoms: refused by both
perturbed = []
np.random.seed(5)
for s in structures[: arguments.relax]:
    p = s.copy()
    p.perturb(0.05)
    perturbed.append(p)


def table(name, many):
    path = os.path.join(folder, name)
    with open(path, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["id", "cif"])
        writer.writerows([i, str(CifWriter(s, significant_figures=12))] for i, s in enumerate(many))
    return path


def ours(path, *more):
    out = subprocess.run([arguments.program, path, *map(str, more)], capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def theirs(work):
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


with tempfile.TemporaryDirectory() as folder:
    all_path, perturbed_path = table("all.csv", structures), table("perturbed.csv", perturbed)
    optimizer = StructOptimizer(model=model, optimizer_class="FIRE", use_device="cpu")
    ratios = {"one by one": [], "batches of 16": [], "relaxation": [], "relaxation, per evaluation": []}
    model.predict_structure(structures[0])
    for round_ in range(arguments.rounds):
        a = ours(all_path)["one_by_one"]["processor_s"]
        b, _ = theirs(lambda: [model.predict_structure(s) for s in structures])
        c, _ = theirs(lambda: model.predict_structure(structures, batch_size=16))
        n = len(structures)
        print(f"energy and forces, ms a crystal: anneal {1e3 * a / n:.2f}, chgnet {1e3 * b / n:.2f}, "
              f"in batches of 16 {1e3 * c / n:.2f}", flush=True)
        ratios["one by one"].append(b / a)
        ratios["batches of 16"].append(c / a)
        dump = os.path.join(folder, "relaxed.json")
        r = ours(perturbed_path, "--relax", arguments.steps, "--dump", dump)
        d, relaxed = theirs(lambda: [optimizer.relax(s.copy(), fmax=0.1, steps=arguments.steps, verbose=False) for s in perturbed])
        evaluations = sum(len(x["trajectory"].energies) for x in relaxed)
        print(f"relaxation, s a crystal: anneal {r['relax']['processor_s'] / len(perturbed):.2f} "
              f"({r['evaluations'] / len(perturbed):.1f} evaluations), chgnet {d / len(perturbed):.2f} ({evaluations / len(perturbed):.1f})", flush=True)
        ratios["relaxation"].append(d / r["relax"]["processor_s"])
        ratios["relaxation, per evaluation"].append(d / evaluations / (r["relax"]["processor_s"] / r["evaluations"]))
    for name, values in ratios.items():
        print(f"{name}: {statistics.median(values):.1f} times faster ({min(values):.1f} to {max(values):.1f})")
    mine = [x["energy"] for x in json.load(open(dump))]
    its = [x["trajectory"].energies[-1] / len(s) for x, s in zip(relaxed, perturbed)]
    off = sorted(abs(x - y) for x, y in zip(mine, its))
    print(f"relaxed energies of {len(off)} crystals: median difference {statistics.median(off):.1e}, largest {off[-1]:.1e} eV/atom")
