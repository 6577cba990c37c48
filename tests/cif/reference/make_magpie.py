"""Makes magpie.csv: matminer's Magpie vector of compositions that cover every element, ties of the
mode, and elements without values. Stored with matminer 0.10.1, pymatgen 2026.10.24:
python make_magpie.py > magpie.csv
With MP.csv it takes every composition of that table instead:
python make_magpie.py MP.csv > /tmp/magpie.csv; ANNEAL_TEST_MAGPIE=/tmp/magpie.csv build/test_cif "the Magpie vector is*" """
import csv
import random
import sys
import warnings

from matminer.featurizers.composition.composite import ElementProperty
from pymatgen.core import Composition, Element

warnings.filterwarnings("ignore")
featurizer = ElementProperty.from_preset("magpie")
symbols = [Element.from_Z(z).symbol for z in range(1, 119)]
random.seed(20261122)
formulas = ["Fe2 O3", "Na1 Cl1", "Li4 Mn16 O32", "C8", "Ba1 Ti1 O3", "Zr1", "Xe2 F4", "He1 H3"]
order = symbols[:]
random.shuffle(order)
while order:  # every element once, two to six in a formula
    count = random.randint(2, 6)
    part, order = order[:count], order[count:]
    formulas.append(" ".join(f"{s}{random.choice([1, 1, 2, 3, 4, 12])}" for s in part))
if len(sys.argv) > 1:
    csv.field_size_limit(10**9)
    table = {Composition(r["pretty_formula"] if "pretty_formula" in r else r["formula"]) for r in csv.DictReader(open(sys.argv[1]))}
    formulas = sorted(" ".join(f"{e.symbol}{int(n)}" for e, n in c.items()) for c in table)
print("formula," + ",".join(f"f{k}" for k in range(132)))
for formula in formulas:
    vector = featurizer.featurize(Composition(formula))
    print(formula + "," + ",".join(f"{float(x):.10g}" for x in vector))
