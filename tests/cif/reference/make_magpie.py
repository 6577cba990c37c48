"""Makes magpie.csv: matminer's Magpie vector of compositions that cover every element, ties of the
mode, and elements without values. Stored with matminer 0.10.1, pymatgen 2026.10.24:
python make_magpie.py > magpie.csv"""
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
print("formula," + ",".join(f"f{k}" for k in range(132)))
for formula in formulas:
    vector = featurizer.featurize(Composition(formula))
    print(formula + "," + ",".join(f"{float(x):.10g}" for x in vector))
