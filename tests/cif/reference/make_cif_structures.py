"""What pymatgen's CifParser makes of every block of the files in a folder: one JSON object a block.

    python make_cif_structures.py ../shared/data/cif_parser tests/cif/reference/cif_structures.jsonl   (pymatgen 2026.10.24)

Fields: file, block; error (why pymatgen makes no structure), or ordered, formula, cell [a, b, c, alpha, beta, gamma],
sites {symbol: [x, y, z, ...]} (ordered structures only), implicit_hydrogens.
"""
import json, os, sys, warnings
from pymatgen.io.cif import CifParser

warnings.filterwarnings("ignore")
root, out = sys.argv[1:3]
with open(out, "w") as f:
    for path in sorted(os.path.join(d, name) for d, _, names in os.walk(root) for name in names):
        name = os.path.relpath(path, root)
        try:
            parser = CifParser(path)
            blocks = list(parser._cif.data.items())
        except Exception as error:
            f.write(json.dumps({"file": name, "block": "", "error": f"{type(error).__name__}: {error}"[:120]}) + "\n")
            continue
        for header, data in blocks:
            row = {"file": name, "block": header}
            try:
                s = parser._get_structure(data, primitive=False, symmetrized=False)
                if s is None:
                    row["error"] = "no structure"
            except Exception as error:
                s, row["error"] = None, f"{type(error).__name__}: {error}"[:120]
            if s is not None:
                row["formula"], row["ordered"] = s.composition.reduced_formula, s.is_ordered
                row["cell"] = [round(x, 5) for x in s.lattice.parameters]
                row["implicit_hydrogens"] = bool(any(site.properties.get("implicit_hydrogens") for site in s)) or any(
                    x not in (".", "?", "0") for x in data.data.get("_atom_site_attached_hydrogens", []))
                if s.is_ordered:
                    row["sites"] = {}
                    for site in s:
                        row["sites"].setdefault(site.specie.symbol, []).extend(round(x % 1, 5) for x in site.frac_coords.tolist())
            f.write(json.dumps(row) + "\n")
