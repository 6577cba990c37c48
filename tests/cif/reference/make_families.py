"""The validity rules of CrystaLLM and LeMat-GenBench by pymatgen and SMACT, on real and generated crystals.

    PYTHONPATH=SMACT3 python make_families.py ../shared/data tests/cif/reference
    (pymatgen 2026.10.24; SMACT3: folder of SMACT 3.2.0 unpacked, for its metallicity score)

crystallm.jsonl: CIFs with symmetry written by pymatgen's CifWriter(symprec=0.1), some of them spoilt, and for each whether
formulae and multiplicities agree, the bond length score (null: exception) and whether the stated space group is the one
found (by number). lemat.csv: set, row, charge balance (what settles it), distances, plausible.
The rules are those of crystallm/_metrics.py and lemat_genbench/metrics/validity_metrics.py; the states of the last charge
step are pymatgen's ICSD states, else the common ones (the benchmark's own table is not published).
"""
import csv, json, re, sys, warnings
import numpy as np
from pymatgen.analysis.local_env import CrystalNN, get_neighbors_of_site_with_index
from pymatgen.core import Composition, Element, Lattice, Structure
from pymatgen.core.bond_valence import BVAnalyzer, calculate_bv_sum
from pymatgen.io.cif import CifParser, CifWriter
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from pymatgen.symmetry.groups import SpaceGroup
from smact.metallicity import metallicity_score

warnings.filterwarnings("ignore")
csv.field_size_limit(10**9)
data, out = sys.argv[1:3]


def bond_length_score(s):
    near, score, bonds = CrystalNN(), 0, 0
    for i, site in enumerate(s):
        for info in near.get_nn_info(s, i):
            if info["site_index"] == i:
                continue
            a, b = site.specie, info["site"].specie
            if abs(a.X - b.X) >= 1.7:
                cation, anion = (a, b) if a.X < b.X else (b, a)
                expected = cation.average_cationic_radius + anion.average_anionic_radius
            else:
                expected = a.atomic_radius + b.atomic_radius
            ratio = site.distance(info["site"]) / expected
            score += ratio < 2.5 if "H" in (a.symbol, b.symbol) else 0.68 < ratio < 1.32
            bonds += 1
    return score / bonds


def crystallm(text):
    block = CifParser.from_str(text).as_dict()
    block = block[list(block)[0]]
    formulas = [re.search(r"data_(\S+)", text)[1], block["_chemical_formula_sum"], block["_chemical_formula_structural"]]
    atoms = {}
    for kind, n in zip(block["_atom_site_type_symbol"], block["_atom_site_symmetry_multiplicity"]):
        atoms[kind] = atoms.get(kind, 0) + int(n)
    s = Structure.from_str(text, fmt="cif")
    try:
        score = float(bond_length_score(s))
    except Exception:
        score = None
    return {"formula": len({Composition(f).reduced_formula for f in formulas}) == 1,
            "multiplicity": Composition(formulas[1]).as_dict() == atoms, "score": score,
            "group": SpaceGroup(block["_symmetry_space_group_name_H-M"]).int_number
            == SpacegroupAnalyzer(s, symprec=0.1).get_space_group_number()}


def composition_neutral(comp):
    sums = {0}
    for e, n in comp.reduced_composition.items():
        states, n = [q for q in (e.icsd_oxidation_states or e.common_oxidation_states) if q != 0], int(n)
        own = {q * n + k for q in states for k in range(n if q + 1 in states else 1)} - {0}
        sums = {a + b for a in sums for b in own}
    return 0 in sums


def charge_balance(s):
    try:
        if metallicity_score(Composition(s.formula)) > 0.7:
            return "metallic"
        orbits = SpacegroupAnalyzer(s, symprec=0.1).get_symmetrized_structure().equivalent_indices
        if all(abs(calculate_bv_sum(s[o[0]], get_neighbors_of_site_with_index(s, o[0]))) < 1e-15 for o in orbits):
            return "no_bonds"
    except Exception:
        pass
    try:
        BVAnalyzer().get_oxi_state_decorated_structure(s)
        return "bond_valence"
    except ValueError:
        return "composition" if composition_neutral(s.composition) else ""


def distances_valid(s):
    d, r = s.distance_matrix, [site.specie.atomic_radius or 1.0 for site in s]
    return all(d[i, j] >= 0.5 * (0.7 + r[i] + r[j]) for i in range(len(s)) for j in range(i))


def plausible(s):
    try:
        group = SpacegroupAnalyzer(s).get_space_group_number()
    except Exception:
        return False
    return bool(0.01 <= s.density <= 25 and 1e-5 <= len(s) / s.volume <= 0.5 and s.volume > 1
                and all(1 <= x <= 100 for x in s.lattice.abc) and 1 <= group <= 230)


rows = [r for r in csv.DictReader(open(f"{data}/cif/mp.csv"))]
real = [(i, Structure.from_str(rows[i]["cif"], fmt="cif")) for i in range(0, len(rows), 25) if int(rows[i]["nsites"]) <= 30]
with open(f"{out}/crystallm.jsonl", "w") as f:
    for n, (i, s) in enumerate(real[:48]):
        text = str(CifWriter(s, symprec=0.1))
        if n % 8 == 5:
            text = re.sub(r"(_chemical_formula_structural\s+)\S+", r"\1Fe2O3", text)
        if n % 8 == 6:
            text = re.sub(r"(loop_\n _atom_site_type.*\n(?: _.*\n)*\s+\S+\s+\S+\s+)\d+", r"\g<1>7", text)
        if n % 8 == 7:
            text = text.replace("_cell_length_a   ", "_cell_length_a   1")
        f.write(json.dumps({"index": i, "cif": text} | crystallm(text)) + "\n")
made = list(csv.DictReader(open(f"{data}/generated/llamat2_parsed_first_3000.csv")))[:300]
made = [(i, Structure(Lattice.from_parameters(*json.loads(r["lengths"]), *json.loads(r["angles"])),
                      json.loads(r["species"].replace("'", '"')), json.loads(r["coords"]))) for i, r in enumerate(made) if r["angles"] != "[]"]
made = [(i, s) for i, s in made if s.volume > 0.1]  # the others are no cells (NaN) or flat
with open(f"{out}/lemat.csv", "w") as f:
    f.write("set,row,charge,distances,plausible\n")
    for name, crystals in (("mp", real), ("llamat2", made)):
        for i, s in crystals:
            f.write(f"{name},{i},{charge_balance(s)},{int(distances_valid(s))},{int(plausible(s))}\n")
