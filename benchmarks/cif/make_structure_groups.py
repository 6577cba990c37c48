"""pymatgen's StructureMatcher().group_structures over the first rows of a CIF table: for each crystal the index of the
first of its group. tests/cif/reference/carbon_groups.csv is of the first 150 rows of carbon_24_val.csv (pymatgen 2026.10.24).

    python make_structure_groups.py ../shared/data/cif/carbon_24_val.csv tests/cif/reference/carbon_groups.csv --rows 150
"""
import argparse, csv, warnings
from pymatgen.core import Structure
from pymatgen.analysis.structure_matcher import StructureMatcher

warnings.filterwarnings("ignore")
csv.field_size_limit(1 << 30)
p = argparse.ArgumentParser()
p.add_argument("table"), p.add_argument("out"), p.add_argument("--rows", type=int, default=150)
args = p.parse_args()
structures = [Structure.from_str(row["cif"], fmt="cif") for row, _ in zip(csv.DictReader(open(args.table)), range(args.rows))]
index = {id(s): i for i, s in enumerate(structures)}
first = {}
for group in StructureMatcher().group_structures(structures):
    members = [index[id(s)] for s in group]
    first.update({i: members[0] for i in members})
with open(args.out, "w") as f:
    f.write("first\n" + "".join(f"{first[i]}\n" for i in range(len(structures))))
