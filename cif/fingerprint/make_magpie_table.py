#!/usr/bin/env python3
"""Writes magpie_table.cpp: the 22 element properties of matminer's Magpie preset, as facts.

usage: python make_magpie_table.py > magpie_table.cpp    (needs matminer; 0.10.1 was used)
Reads the data files that come with matminer (data_files/magpie_elementdata/*.table): line Z of a
file is the value of the element with atomic number Z; what is no number there is missing (NaN).
"""
import os
import sys

import matminer
from matminer.utils import data as matminer_data
from importlib.metadata import version

PROPERTIES = [
    "Number", "MendeleevNumber", "AtomicWeight", "MeltingT", "Column", "Row", "CovalentRadius",
    "Electronegativity", "NsValence", "NpValence", "NdValence", "NfValence", "NValence",
    "NsUnfilled", "NpUnfilled", "NdUnfilled", "NfUnfilled", "NUnfilled", "GSvolume_pa", "GSbandgap",
    "GSmagmom", "SpaceGroupNumber",
]

folder = os.path.join(os.path.dirname(matminer_data.__file__), "data_files", "magpie_elementdata")
columns = []
for name in PROPERTIES:
    with open(os.path.join(folder, name + ".table")) as file:
        lines = file.readlines()
    column = []
    for z in range(1, 119):
        try:
            column.append(float(lines[z - 1]))
        except (ValueError, IndexError):
            column.append(float("nan"))
    columns.append(column)

print(f"""// Element properties of the Magpie composition vector, written by make_magpie_table.py from matminer
// {version('matminer')} (origin and licence: NOTICE). One row an element, Z = 1..118; kNone: no value.
#include "cif/fingerprint/magpie_table.h"

#include <limits>

namespace anneal {{
namespace {{
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
}}

// clang-format off
const double kMagpieTable[kMagpieElements][kMagpieProperties] = {{""")
for i in range(0, 22, 6):
    print("    // " + ", ".join(PROPERTIES[i : i + 6]))
for z in range(118):
    cells = ["kNone" if c[z] != c[z] else repr(int(c[z]) if c[z] == int(c[z]) else c[z]) for c in columns]
    text, line = [], "    {"
    for i, cell in enumerate(cells):
        piece = cell + (", " if i + 1 < len(cells) else "},")
        if len(line) + len(piece.rstrip()) > 100:
            text.append(line.rstrip())
            line = "     "
        line += piece
    text.append(line)
    print("\n".join(text))
print("};\n// clang-format on\n\n}  // namespace anneal")
