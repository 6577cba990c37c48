"""Space groups and standard cells of cif/mp.csv and cif/oqmd.csv by pymatgen's SpacegroupAnalyzer (symprec 0.1).

    python make_symmetry.py ../shared/data tests/cif/reference    (pymatgen 2026.10.24, spglib 2.8.0)
    python make_symmetry.py ../shared/data /tmp/cells 3           (every third row; ANNEAL_TEST_CELLS=/tmp/cells/standard_cells.jsonl
                                                                   build/test_cif "conventional*" compares)

space_groups.txt: a line a set: its name and the number of each row in order (0: none found).
standard_cells.jsonl: every 40th row (or as asked) with at most 40 sites: cell parameters and number of sites of get_refined_structure,
find_primitive and get_reduced_structure("niggli").
"""
import csv, json, sys, warnings
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

warnings.filterwarnings("ignore")
csv.field_size_limit(10**9)
data, out = sys.argv[1:3]
step = int(sys.argv[3]) if len(sys.argv) > 3 else 40
cells = open(f"{out}/standard_cells.jsonl", "w")
with open(f"{out}/space_groups.txt", "w") as groups:
    for name in ("mp", "oqmd"):
        numbers = []
        for index, row in enumerate(csv.DictReader(open(f"{data}/cif/{name}.csv"))):
            s = Structure.from_str(row["cif"], fmt="cif")
            try:
                finder = SpacegroupAnalyzer(s, symprec=0.1)
                numbers.append(finder.get_space_group_number())
            except Exception:
                numbers.append(0)
                continue
            if index % step == 0 and len(s) <= 40:
                describe = lambda t: [*(round(x, 5) for x in t.lattice.parameters), len(t)]
                cells.write(json.dumps({"set": name, "index": index, "number": numbers[-1],
                                        "conventional": describe(finder.get_refined_structure()),
                                        "primitive": describe(finder.find_primitive()),
                                        "niggli": describe(s.get_reduced_structure("niggli"))}) + "\n")
        groups.write(name + " " + " ".join(map(str, numbers)) + "\n")
