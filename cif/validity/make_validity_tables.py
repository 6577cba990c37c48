#!/usr/bin/env python3
"""Writes validity_tables.cpp: facts about elements and ions behind the validity families.

usage: python make_validity_tables.py SMACT3 > validity_tables.cpp
Needs pymatgen (2026.10.24 was used); SMACT3: folder of SMACT 3.2.0 unpacked (`pip download --no-deps smact==3.2.0`, unzip): its
metallicity score is not in the 2.2.1 that CDVAE's rule rests on.
"""
import csv
import math
import sys

from pymatgen.core.bond_valence import BV_PARAMS, ELECTRONEG, ICSD_BV_DATA, PRIOR_PROB
from pymatgen.core.periodic_table import Element

folder = sys.argv[1] + "/smact"
valence = {row[0]: row[1] for row in csv.reader(open(folder + "/data/element_valence_modified.csv"))}
source = open(folder + "/__init__.py").read()


def listed(name):
    text = source[source.index(f"\n{name} = [") :]
    return {item.strip().strip('"') for item in text[text.index("[") + 1 : text.index("]")].split(",")}


metals, d_block = listed("metals"), listed("d_block")
negativity = {}
for line in open(folder + "/data/element_data.txt"):
    if not line.startswith("#") and line.strip():
        fields = line.split()
        negativity[fields[0]] = fields[9]


def number(x):
    try:
        x = float(x)
    except (TypeError, ValueError):
        return "kNone"
    return "kNone" if math.isnan(x) else f"{x:.12g}"


def positive(x):
    return number(x) if x and float(x) > 0 else "0"


print("""// Facts about elements and ions, written by make_validity_tables.py (origin and licence: NOTICE).
#include "cif/validity/validity_tables.h"

#include <limits>

namespace anneal {
namespace {
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
}

// clang-format off
// Z = 1..118: atomic radius, mean cationic, mean anionic radius (pymatgen); bond-valence r, c and whether it makes bonds
// with any element (O'Keeffe and Brese); SMACT 3.2.0: valence electrons, electronegativity, metal, d block; usual states
const ValidityFacts kValidityFacts[118] = {""")
for z in range(1, 119):
    e = Element.from_Z(z)
    bv = BV_PARAMS.get(e, {"r": 0, "c": 0})
    states = sorted(e.icsd_oxidation_states or e.common_oxidation_states)
    cells = [positive(e.atomic_radius), positive(e.average_cationic_radius), positive(e.average_anionic_radius),
             number(bv["r"]), number(bv["c"]), str(e in ELECTRONEG).lower(), number(valence.get(e.symbol)),
             number(negativity.get(e.symbol)), str(e.symbol in metals).lower(), str(e.symbol in d_block).lower(),
             "{" + ", ".join(str(s) for s in states if s != 0) + "}"]
    print("    {" + ", ".join(cells) + "},  // " + e.symbol)
print("};\n")
rows = [(sp.element.Z, int(sp.oxi_state), d["mean"], d["std"], PRIOR_PROB[sp]) for sp, d in ICSD_BV_DATA.items()
        if sp.oxi_state != 0 and d["std"] > 0]
print("// Z, oxidation state, mean and deviation of the bond-valence sum, frequency, in the ICSD (pymatgen's icsd_bv.yaml)")
print("const std::vector<IonFacts> kIonFacts = {")
for row in sorted(rows):
    print("    {%d, %d, %.12g, %.12g, %.12g}," % row)
print("};\n// clang-format on\n\n}  // namespace anneal")
