"""Makes ops.csv: crystals (LLaMat's lists) with matminer's CrystalNNFingerprint "ops" of every site, the
components that are not 0 as "index:value". Crystals of the Materials Project by way of
../shared/data/cif/mp.csv (CC BY 4.0, see NOTICE) and a few made by hand. Stored with matminer 0.10.1,
pymatgen 2026.10.24, scipy 1.17.1: python make_ops.py MP.csv > ops.csv
With a COUNT it takes that many crystals of any size at random and nothing made by hand:
python make_ops.py MP.csv 300 > /tmp/ops.csv; ANNEAL_TEST_OPS=/tmp/ops.csv build/test_cif "site fingerprints*" """
import csv
import random
import sys
import warnings

from matminer.featurizers.site.fingerprint import CrystalNNFingerprint
from pymatgen.core import Lattice, Structure

warnings.filterwarnings("ignore")
csv.field_size_limit(10**9)
featurizer = CrystalNNFingerprint.from_preset("ops")
count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
rows = [r for r in csv.DictReader(open(sys.argv[1])) if count or int(r["nsites"]) <= 10]
random.seed(20261122)
structures = [(r["material_id"], Structure.from_str(r["cif"], fmt="cif")) for r in random.sample(rows, count or 45)]
hand = {
    "rocksalt": (Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "fcc": (Lattice.from_parameters(2.55, 2.55, 2.55, 60, 60, 60), ["Cu"], [[0, 0, 0]]),
    "diamond": (Lattice.from_parameters(2.52, 2.52, 2.52, 60, 60, 60), ["C", "C"], [[0, 0, 0], [0.25] * 3]),
    "graphite": (Lattice.hexagonal(2.46, 6.7), ["C"] * 4,
                 [[0, 0, .25], [0, 0, .75], [1 / 3, 2 / 3, .25], [2 / 3, 1 / 3, .75]]),
    "far apart": (Lattice.cubic(9.5), ["Xe"], [[0, 0, 0]]),
    "very far apart": (Lattice.cubic(19.0), ["Cs", "I"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "skewed": (Lattice.from_parameters(4, 5, 13, 35, 100, 95), ["Fe", "O", "O"],
               [[.1, .2, .3], [.4, .8, .6], [.7, .5, .95]]),
}
for name, (lattice, species, coords) in [] if count else hand.items():
    structures.append((name, Structure(lattice, species, coords)))
out = csv.writer(sys.stdout)
out.writerow(["id", "lengths", "angles", "species", "coords", "sites"])
for name, s in structures:
    sites = []
    for k in range(len(s)):
        f = featurizer.featurize(s, k)
        sites.append(" ".join(f"{i}:{float(x):.5f}" for i, x in enumerate(f) if abs(x) > 5e-6))
    out.writerow([name, [round(x, 8) for x in s.lattice.abc], [round(x, 8) for x in s.lattice.angles],
                  [str(x) for x in s.species], [[round(float(x), 8) for x in c] for c in s.frac_coords],
                  ";".join(sites)])
