#!/usr/bin/env python3
"""Makes crystals.csv and band_gaps.csv, the tables of facts behind `anneal`'s corpus stage.

    python3 data/facts/make_facts.py ../shared/data

Reads cif/mp.csv (Materials Project crystals as P1 CIF with true space group; CC BY 4.0) and
property/matbench_expt_gap.csv (experimental band gaps; CC BY). Plain Python, no packages.
The formats are described in data/facts.h.
"""
import csv
import re
import sys
from pathlib import Path

NUM_CRYSTALS = 2000
HERE = Path(__file__).resolve().parent

CRYSTALS_HEADER = """\
# Crystals of the Materials Project: the {count:,} with the fewest sites of a sample of 2,473, one of
# each formula and space group. Made by make_facts.py.
# Origin: Materials Project (materialsproject.org), by way of LeMat-GenBench's baseline data.
# Licence: CC BY 4.0. Cite: A. Jain et al., APL Materials 1, 011002 (2013).
# density g/cm3; lengths Angstrom; angles degrees; sites: element, then x y z in 1/10000 of the cell,
# once for each of its atoms.
"""
GAPS_HEADER = """\
# Experimental band gaps in eV; 0 means a metal (no gap was found). Made by make_facts.py.
# Origin: Matbench v0.1, matbench_expt_gap (A. Dunn et al., npj Computational Materials 6, 138, 2020),
# from Y. Zhuo, A. Mansouri Tehrani, J. Brgoch, J. Phys. Chem. Lett. 9, 1668 (2018).
# Licence: CC BY 4.0.
"""


def short(number: float) -> str:
    """At most four decimals, without trailing zeros."""
    return f"{number:.4f}".rstrip("0").rstrip(".")


def tag(cif: str, name: str) -> str:
    return re.search(rf"^{name}\s+(.+)$", cif, re.M).group(1).strip().strip("'")


def read_crystal(row: dict) -> dict:
    cif = row["cif"]
    sites = re.findall(r"^ +([A-Z][a-z]?)  \S+  1  (\S+)  (\S+)  (\S+)  1$", cif, re.M)
    assert len(sites) == int(row["nsites"]), row["material_id"]
    packed, last = [], None
    for element, *position in sites:
        if element != last:
            packed.append(element)
            last = element
        packed += [str(round(float(x) * 10000) % 10000) for x in position]
    return {
        "id": row["material_id"],
        "formula": tag(cif, "_chemical_formula_structural"),
        "spacegroup": row["spacegroup"],
        "density": short(float(row["density"])),
        "lengths": " ".join(short(float(tag(cif, f"_cell_length_{k}"))) for k in "abc"),
        "angles": " ".join(short(float(tag(cif, f"_cell_angle_{k}"))) for k in ("alpha", "beta", "gamma")),
        "sites": " ".join(packed),
        "num_sites": len(sites),
    }


def make_crystals(shared: Path) -> None:
    csv.field_size_limit(10**8)
    with open(shared / "cif" / "mp.csv", newline="") as file:
        crystals = [read_crystal(row) for row in csv.DictReader(file)]
    crystals.sort(key=lambda c: (c["num_sites"], c["id"]))
    seen, kept = set(), []
    for crystal in crystals:
        key = (crystal["formula"], crystal["spacegroup"])
        if key not in seen and len(kept) < NUM_CRYSTALS:
            seen.add(key)
            kept.append(crystal)
    columns = ["id", "formula", "spacegroup", "density", "lengths", "angles", "sites"]
    with open(HERE / "crystals.csv", "w") as file:
        file.write(CRYSTALS_HEADER.format(count=len(kept)))
        file.write(",".join(columns) + "\n")
        for crystal in kept:
            file.write(",".join(crystal[c] for c in columns) + "\n")
    print(f"crystals.csv: {len(kept)} crystals of {kept[0]['num_sites']} to {kept[-1]['num_sites']} sites")


def make_band_gaps(shared: Path) -> None:
    with open(shared / "property" / "matbench_expt_gap.csv", newline="") as file:
        rows = [(row["composition"], short(float(row["gap_expt"]))) for row in csv.DictReader(file)]
    with open(HERE / "band_gaps.csv", "w") as file:
        file.write(GAPS_HEADER + "formula,gap_ev\n")
        for formula, gap in rows:
            file.write(f"{formula},{gap}\n")
    print(f"band_gaps.csv: {len(rows)} formulae")


if __name__ == "__main__":
    source = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / ".." / "shared" / "data")
    make_crystals(source)
    make_band_gaps(source)
