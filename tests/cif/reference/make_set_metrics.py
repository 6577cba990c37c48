"""Set metrics of 77 LLaMat crystals against 60 of the Materials Project, by the reference programs.

    python make_set_metrics.py ../shared/data > tests/cif/reference/set_metrics.json
    (pymatgen 2026.10.24, matminer 0.10.1, smact 2.2.1, scipy 1.17.1)

Generated: rows 0..69 of generated/llamat2_parsed_first_3000.csv and rows 0..6 again (duplicates).
Reference: the first 60 rows of cif/mp.csv with at most 6 sites.
Formulae as in CrystalLLM's basic_eval.py (valid crystals with a fingerprint on both sides) and in CDVAE's eval_utils.py
(crystals with a fingerprint; precision over all generated); the scaler is read from cif/fingerprint/composition_scaler.cpp.
"""
import csv, functools, itertools, json, math, re, sys, warnings
from collections import Counter
from importlib.metadata import version
import numpy as np
import smact
from matminer.featurizers.composition.composite import ElementProperty
from matminer.featurizers.site.fingerprint import CrystalNNFingerprint
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Composition, Lattice, Structure
from scipy.spatial.distance import cdist, pdist
from scipy.stats import wasserstein_distance
from smact.screening import pauling_test

warnings.filterwarnings("ignore")
csv.field_size_limit(10**9)
data = sys.argv[1]
numbers = [float(x) for x in re.findall(r"-?\d+\.\d+", open("cif/fingerprint/composition_scaler.cpp").read())]
means, deviations = np.array(numbers[:132]), np.array(numbers[132:])
cnn, magpie = CrystalNNFingerprint.from_preset("ops"), ElementProperty.from_preset("magpie")


def composition_valid(structure):
    counts = Counter(site.specie.symbol for site in structure)
    factor = functools.reduce(math.gcd, counts.values())
    symbols, counts = list(counts), [n // factor for n in counts.values()]
    if len(symbols) == 1 or all(s in smact.metals for s in symbols):
        return True
    elements = [smact.Element(s) for s in symbols]
    negativity = [e.pauling_eneg for e in elements]
    for states in itertools.product(*[e.oxidation_states for e in elements]):
        if sum(q * n for q, n in zip(states, counts)) == 0:
            try:
                if pauling_test(states, negativity):
                    return True
            except TypeError:
                return True
    return False


def structure_valid(s):
    return (s.distance_matrix + np.diag([10.5] * len(s))).min() >= 0.5 and s.volume >= 0.1


class Crystal:
    def __init__(self, s):
        self.s = s
        self.valid = bool(composition_valid(s) and structure_valid(s))
        self.comp = (np.array(magpie.featurize(Composition(s.composition))) - means) / deviations
        try:
            self.struct = np.mean([cnn.featurize(s, i) for i in range(len(s))], axis=0)
        except Exception:
            self.struct, self.valid = None, False


made = {}  # by description: duplicates are computed once


def make(s):
    print(s.composition, file=sys.stderr)
    if str(s) not in made:
        made[str(s)] = Crystal(s)
    return made[str(s)]


rows = list(csv.DictReader(open(f"{data}/generated/llamat2_parsed_first_3000.csv")))
rows = rows[:70] + rows[:7]
total = len(rows)  # some have no angles: they are no crystals
generated = [Structure(Lattice.from_parameters(*json.loads(r["lengths"]), *json.loads(r["angles"])),
                       json.loads(r["species"].replace("'", '"')), json.loads(r["coords"])) for r in rows if r["angles"] != "[]"]
generated = list(map(make, (s for s in generated if s.volume > 0)))  # NaN where no cell has these angles
rows = [r for r in csv.DictReader(open(f"{data}/cif/mp.csv")) if int(r["nsites"]) <= 6][:60]
reference = [make(Structure.from_str(r["cif"], fmt="cif")) for r in rows]
valid = [c for c in generated if c.valid and c.struct is not None]


def coverage(one, other, denominator, suffix):
    struct = cdist([c.struct for c in one], [c.struct for c in other])
    comp = cdist([c.comp for c in one], [c.comp for c in other])
    near = lambda axis: np.logical_and(struct.min(axis) <= 0.4, comp.min(axis) <= 10)
    return {"cov_recall" + suffix: near(0).mean(), "cov_precision" + suffix: near(1).sum() / denominator,
            "amsd_recall" + suffix: struct.min(0).mean(), "amsd_precision" + suffix: struct.min(1).mean(),
            "amcd_recall" + suffix: comp.min(0).mean(), "amcd_precision" + suffix: comp.min(1).mean()}, struct.min(1), comp.min(1)


real = [c for c in reference if c.valid and c.struct is not None]
result = {"versions": {p: version(p) for p in ("pymatgen", "matminer", "smact", "scipy")},
          "set_generated": total, "set_valid": len(valid), "set_reference": len(reference), "set_reference_valid": len(real)}
metrics, struct, comp = coverage(valid, real, len(valid), "")
result |= metrics
result |= coverage([c for c in generated if c.struct is not None], [c for c in reference if c.struct is not None],
                   total, "_cdvae")[0]
result["wdist_density"] = wasserstein_distance([c.s.density for c in valid], [c.s.density for c in reference])
result["wdist_num_elems"] = wasserstein_distance([len(c.s.elements) for c in valid], [len(c.s.elements) for c in reference])
result["struct_diversity"] = pdist([c.struct for c in valid]).mean()
result["comp_diversity"] = pdist([c.comp for c in valid]).mean()
result["struct_novelty"] = (struct > 0.1).mean()
result["comp_novelty"] = (comp > 2).mean()
result["novelty"] = np.logical_or(struct > 0.1, comp > 2).mean()
matcher = StructureMatcher()
firsts, known = [], []
for c in valid:
    known.append(any(c.s.composition.reduced_formula == r.s.composition.reduced_formula and matcher.fit(c.s, r.s) for r in reference))
    if not any(c.s.composition.reduced_formula == f.s.composition.reduced_formula and matcher.fit(f.s, c.s) for f, _ in firsts):
        firsts.append((c, known[-1]))
result["uniqueness"] = len(firsts) / len(valid)
result["novelty_by_matching"] = 1 - np.mean(known)
result["unique_and_novel"] = sum(not k for _, k in firsts) / len(valid)
print(json.dumps({k: v if isinstance(v, (int, dict)) else float(v) for k, v in result.items()}, indent=1))
