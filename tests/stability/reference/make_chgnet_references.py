"""Makes chgnet.json: what CHGNet 0.3.0 (package chgnet 0.3.8, torch) predicts for small crystals, in single
precision, in which it is meant to run, and in double, which tells how near the truth that is. The
crystals are made up here: common prototypes, distorted, and random ones with self-images, flat and
skewed cells, isolated atoms' absence. Run in the root: python tests/stability/reference/make_chgnet_references.py
With TABLE COUNT OUT (../shared/data/cif/mp.csv 200 /tmp/mp200.jsonl) it takes COUNT crystals of a table
at random and writes a line each: ANNEAL_TEST_CHGNET=/tmp/mp200.jsonl build/test_stability compares."""
import csv, json, random, sys, warnings

warnings.filterwarnings("ignore")
import numpy as np
import torch

torch.set_num_threads(1)
import chgnet.graph.converter, chgnet.graph.crystalgraph, chgnet.model.model
from chgnet.model import CHGNet
from pymatgen.core import Lattice, Structure

rng = np.random.default_rng(7)
made = []


def add(name, structure, strain=0.0, shake=0.0):
    s = structure.copy()
    m = s.lattice.matrix @ (np.eye(3) + strain * rng.standard_normal((3, 3)))
    f = s.frac_coords + shake * rng.standard_normal((len(s), 3))
    made.append((name, Structure(Lattice(m), s.species, f)))


def group(number, lattice, species, coords):
    return Structure.from_spacegroup(number, lattice, species, coords)


cubic = Lattice.cubic
for shake in (0.0, 0.02):
    add("NaCl", group(225, cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]), 0.5 * shake, shake)
    add("NaCl primitive", group(225, cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]).get_primitive_structure(), shake, shake)
    add("CsCl", group(221, cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]), shake, shake)
    add("Fe", group(229, cubic(2.87), ["Fe"], [[0, 0, 0]]).get_primitive_structure(), shake, shake)
    add("Cu", group(225, cubic(3.61), ["Cu"], [[0, 0, 0]]).get_primitive_structure(), shake, 0)
    add("diamond", group(227, cubic(3.567), ["C"], [[0.125, 0.125, 0.125]]), 0.3 * shake, shake * 0.5)
    add("SrTiO3", group(221, cubic(3.905), ["Sr", "Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]]), shake, shake)
    add("ZnS", group(216, cubic(5.41), ["Zn", "S"], [[0, 0, 0], [0.25, 0.25, 0.25]]), shake, shake)
    add("rutile", group(136, Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]), shake, shake)
    add("wurtzite", group(186, Lattice.hexagonal(3.25, 5.207), ["Zn", "O"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.382]]), shake, shake)
    add("Fe2O3", group(167, Lattice.hexagonal(5.035, 13.747), ["Fe", "O"], [[0, 0, 0.355], [0.306, 0, 0.25]]).get_primitive_structure(), shake, shake)
    add("PuO2", group(225, cubic(5.4), ["Pu", "O"], [[0, 0, 0], [0.25, 0.25, 0.25]]).get_primitive_structure(), shake, shake)
while len(made) < 40:
    n = int(rng.integers(1, 9))
    lattice = Lattice.from_parameters(*rng.uniform(3.0, 7.0, 3), *rng.uniform(50, 110, 3))
    if lattice.volume < 12 * n:
        continue
    s = Structure(lattice, [int(z) for z in rng.integers(1, 95, n)], rng.uniform(-1.5, 2.5, (n, 3)))
    d = s.distance_matrix + 9 * np.eye(n)
    if d.min() > 1.2:
        made.append(("random", s))


if len(sys.argv) > 1:
    csv.field_size_limit(10**9)
    rows = list(csv.DictReader(open(sys.argv[1])))
    random.Random(5).shuffle(rows)
    made = []
    check = CHGNet.load(use_device="cpu", verbose=False)
    for row in rows:
        if len(made) == int(sys.argv[2]):
            break
        s = Structure.from_str(row["cif"], fmt="cif")
        try:
            check.graph_converter(s)
            made.append((row["material_id"], s))
        except ValueError:
            pass  # isolated atoms: the package refuses them


def evaluate(dtype):
    """The package's own code in this precision: its tensors are made in the module variable `datatype`."""
    for module in (chgnet.model.model, chgnet.graph.converter, chgnet.graph.crystalgraph):
        names = {"datatype", "TORCH_DTYPE"} & set(vars(module))  # until 0.3.8, and since
        if not names and "graph" in module.__name__:
            sys.exit(f"{module.__name__} makes its tensors in a precision that this script does not know how to set")
        for name in names:
            setattr(module, name, dtype)
    torch.set_default_dtype(dtype)
    model = CHGNet.load(use_device="cpu", verbose=False).to(dtype)
    results = []
    for _, s in made:
        p = model.predict_structure(s)
        results.append({"energy_per_atom": float(p["e"]), "forces": np.asarray(p["f"], float).round(7).tolist(),
                        "stress": np.asarray(p["s"], float).round(7).tolist(),
                        "magmoms": np.asarray(p["m"], float).round(7).tolist()})
    return results


# the element counts are made in single precision whatever the weights are
torch.nn.Linear.forward = lambda self, x: torch.nn.functional.linear(x.to(self.weight.dtype), self.weight, self.bias)
single, double = evaluate(torch.float32), evaluate(torch.float64)
out = [{"name": name, "cell": s.lattice.matrix.tolist(), "atomic_numbers": [x.specie.Z for x in s],
        "fractional": s.frac_coords.tolist(), **single[i], "double": double[i]} for i, (name, s) in enumerate(made)]
if len(sys.argv) > 1:
    with open(sys.argv[3], "w") as f:
        f.writelines(json.dumps(line) + "\n" for line in out)
else:
    json.dump(out, open("tests/stability/reference/chgnet.json", "w"))
print(len(out), "crystals")
