"""Pairs of crystals and pymatgen's answer, to compare `anneal match` with.

    python make_match_pairs.py ../shared/data/cif/mp.csv OUT.csv [--pairs 5000] [--seed 1] [--max-sites 40]
    python make_match_pairs.py ../shared/data/cif/mp.csv tests/cif/reference/match_pairs.csv --pairs 110 --seed 3 \
        --max-sites 12 --strings     (crystal strings with 8 decimals: the suite's small set)

Writes columns cif_a, cif_b, kind, fit (StructureMatcher().fit), rms (get_rms_dist, empty for None), seconds.
Kinds, in turn: random supercell, shift of all sites, rotation of the setting by another choice of cell vectors,
small strain with noise on the sites, all of these at once, noise near the tolerance, strain near the tolerance,
one atom moved far, two elements exchanged, another crystal of the same formula (else of any), the crystal itself.
pymatgen and numpy are needed; the answers of tests/cif/reference were made with pymatgen 2026.10.24.
"""
import argparse, csv, multiprocessing, sys, time, warnings
import numpy as np
from pymatgen.core import Lattice, Structure
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.cif import CifWriter

warnings.filterwarnings("ignore")
csv.field_size_limit(1 << 30)
KINDS = ["supercell", "shift", "setting", "strain", "all", "noise", "strained", "moved", "exchanged", "other", "same"]


def permuted(s, rng):
    order = rng.permutation(len(s))
    return Structure(s.lattice, [s[i].specie for i in order], [s[i].frac_coords for i in order])


def supercell(s, rng, limit):
    while True:
        m = np.diag(rng.integers(1, 3, 3)) if rng.random() < 0.5 else rng.integers(-1, 3, (3, 3))
        det = abs(round(np.linalg.det(m)))
        if det >= 1 and det * len(s) <= max(limit, len(s)) and det <= 8:
            break
    t = s.copy()
    t.make_supercell(m)
    return t


def setting(s, rng):
    while True:
        m = rng.integers(-1, 2, (3, 3))
        if abs(round(np.linalg.det(m))) == 1:
            break
    t = s.copy()
    t.make_supercell(m)
    return t


def shift(s, rng):
    t = s.copy()
    t.translate_sites(range(len(t)), rng.random(3), to_unit_cell=True)
    return t


def strain(s, rng, size, noise):
    e = rng.normal(0, size, (3, 3))
    t = Structure(Lattice(s.lattice.matrix @ (np.eye(3) + (e + e.T) / 2)), s.species, s.frac_coords)
    return t.perturb(noise) or t if noise else t


def scale(s, rng):
    t = s.copy()
    t.scale_lattice(t.volume * rng.uniform(0.85, 1.15))
    return t


def variant(s, kind, rng, limit, others):
    unit = (s.volume / len(s)) ** (1 / 3)
    if kind == "supercell":
        return permuted(supercell(s, rng, limit), rng)
    if kind == "shift":
        return permuted(shift(s, rng), rng)
    if kind == "setting":
        return permuted(setting(s, rng), rng)
    if kind == "strain":
        return strain(s, rng, 0.01, 0.02 * unit)
    if kind == "all":
        return permuted(scale(strain(setting(shift(supercell(s, rng, limit), rng), rng), rng, 0.01, 0.02 * unit), rng), rng)
    if kind == "noise":
        return permuted(shift(strain(s, rng, 0.005, rng.uniform(0.1, 0.45) * unit), rng), rng)
    if kind == "strained":
        return permuted(strain(s, rng, rng.uniform(0.03, 0.12), 0.02 * unit), rng)
    if kind == "moved":
        t = s.copy()
        t.translate_sites([int(rng.integers(len(t)))], rng.normal(0, 0.25, 3), to_unit_cell=True)
        return t
    if kind == "exchanged":
        t = s.copy()
        z = sorted({str(site.specie) for site in t})
        if len(z) > 1:
            i = int(rng.choice([k for k, x in enumerate(t) if str(x.specie) == z[0]]))
            j = int(rng.choice([k for k, x in enumerate(t) if str(x.specie) == z[1]]))
            a, b = t[i].specie, t[j].specie
            t[i], t[j] = b, a
        return t
    if kind == "other":
        same = others.get(s.composition.reduced_formula, [])
        same = [x for x in same if x is not s] or sum(others.values(), [])
        return same[int(rng.integers(len(same)))]
    return s


def string(s):
    numbers = lambda v: " ".join(f"{x:.8f}" for x in v)
    return "\n".join([numbers(s.lattice.abc), numbers(s.lattice.angles)] + [f"{x.specie}\n{numbers(x.frac_coords % 1)}" for x in s])


def read(text):
    if "data_" in text:
        return Structure.from_str(text, fmt="cif")
    lines = [line.split() for line in text.split("\n")]
    lattice = Lattice.from_parameters(*map(float, lines[0] + lines[1]))
    return Structure(lattice, [x[0] for x in lines[2::2]], [list(map(float, x)) for x in lines[3::2]]).get_sorted_structure()


def answer(row):
    a, b, kind = row
    sa, sb = read(a), read(b)
    matcher = StructureMatcher()
    start = time.process_time()
    try:
        fit, rms = matcher.fit(sa, sb), matcher.get_rms_dist(sa, sb)
    except Exception as error:
        return [a, b, kind, "error", type(error).__name__, time.process_time() - start]
    return [a, b, kind, int(bool(fit)), "" if rms is None else repr(float(rms[0])), time.process_time() - start]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("table"), p.add_argument("out")
    p.add_argument("--pairs", type=int, default=5000), p.add_argument("--seed", type=int, default=1)
    p.add_argument("--strings", action="store_true"), p.add_argument("--max-sites", type=int, default=40)
    p.add_argument("--jobs", type=int, default=1)
    args = p.parse_args()
    rng = np.random.default_rng(args.seed)
    rows = [r for r in csv.DictReader(open(args.table)) if int(r.get("nsites", 1)) <= args.max_sites]
    order = rng.permutation(len(rows))
    structures, others = [], {}
    for i in order[: args.pairs]:
        s = Structure.from_str(rows[i]["cif"], fmt="cif")
        structures.append(s)
        others.setdefault(s.composition.reduced_formula, []).append(s)
    pairs = []
    k = 0
    while len(pairs) < args.pairs:
        s, kind = structures[k % len(structures)], KINDS[(k + k // len(structures)) % len(KINDS)]
        k += 1
        try:
            t = variant(s, kind, rng, args.max_sites, others)
        except Exception as error:
            print("left out:", kind, error, file=sys.stderr)
            continue
        pair = [string(s), string(t)] if args.strings else [str(CifWriter(s)), str(CifWriter(t))]
        if rng.random() < 0.5:
            pair.reverse()
        pairs.append((*pair, kind))
    with open(args.out, "w", newline="") as f, multiprocessing.Pool(args.jobs) as pool:
        w = csv.writer(f)
        w.writerow(["cif_a", "cif_b", "kind", "fit", "rms", "seconds"])
        for n, row in enumerate(pool.imap(answer, pairs, chunksize=8)):
            w.writerow(row)
            if n % 500 == 499:
                print(n + 1, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
