"""pymatgen's oxide_type (factor 1.05, as MP2020 uses it) and sulfide_type of real and made structures.

    python make_anion_types.py ../shared/data/cif/mp.csv anion_types.jsonl        (pymatgen 2026.10.24)

Kept: every structure whose type is not plain, and every 25th of the plain ones; up to 24 sites.
"""
import csv, json, sys, warnings
import numpy as np
from pymatgen.analysis.structure_analyzer import oxide_type, sulfide_type
from pymatgen.core import Lattice, Structure

warnings.filterwarnings("ignore")
csv.field_size_limit(1 << 30)


def line(structure):
    has = {str(e) for e in structure.composition}
    oxide = oxide_type(structure, 1.05) if "O" in has and len(has) > 1 else None
    sulfide = (sulfide_type(structure) or "sulfate") if "S" in has and len(has) > 1 else None
    plain = {"lattice": {"matrix": structure.lattice.matrix.round(8).tolist()},
             "sites": [{"species": [{"element": s.specie.symbol, "occu": 1}], "abc": s.frac_coords.round(8).tolist()} for s in structure]}
    return {"oxide_type": oxide, "sulfide_type": sulfide, "structure": plain}


out, plain = [], 0
for row in csv.DictReader(open(sys.argv[1])):
    structure = Structure.from_str(row["cif"], fmt="cif")
    if len(structure) > 24 or not {"O", "S"} & {str(e) for e in structure.composition}:
        continue
    one = line(structure)
    if one["oxide_type"] in (None, "oxide") and one["sulfide_type"] in (None, "sulfide"):
        plain += 1
        if plain % 25:
            continue
    out.append(one)
# what the table has few of: O-O and S-S at every distance that matters, in a cell whose faces they cross
for element, distances in (("O", (1.2, 1.38, 1.41, 1.45, 1.52, 1.56, 1.6)), ("S", (1.9, 2.05, 2.6))):
    for d in distances:
        for chain in (2, 3):
            lattice = Lattice.from_parameters(5.2, 5.9, 6.4, 81, 77, 95)
            start = lattice.get_cartesian_coords([0.95, 0.02, 0.97])
            sites = [start + np.array([0.6, 0.64, 0.48]) * d * k for k in range(chain)]
            structure = Structure(lattice, ["K", "K"] + [element] * chain, [lattice.get_cartesian_coords(f) for f in ([0.4, 0.4, 0.4], [0.5, 0.8, 0.5])] + sites, coords_are_cartesian=True, to_unit_cell=True)
            out.append(line(structure))
lattice = Lattice.cubic(4.5)
out.append(line(Structure(lattice, ["Na", "O", "H"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5 + 0.96 / 4.5]])))
with open(sys.argv[2], "w") as file:
    for one in out:
        file.write(json.dumps(one) + "\n")
print(len(out), {(x["oxide_type"], x["sulfide_type"]): 0 for x in out}.keys())
