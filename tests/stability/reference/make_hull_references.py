"""Makes pd_entries_hull.csv, seven_elements.json, mp2020_entries.jsonl with pymatgen 2026.10.24.
Run in the root of the repository: python tests/stability/reference/make_hull_references.py [N]
N: how many formulae of ../shared/data/cif/mp.csv (default 300) mp2020_entries.jsonl takes."""
import csv, json, random, sys, warnings

warnings.filterwarnings("ignore")
csv.field_size_limit(10**9)
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element
from pymatgen.entries.computed_entries import ComputedEntry
from pymatgen.analysis.compatibility import MaterialsProject2020Compatibility

here = "tests/stability/reference/"
random.seed(5)

# 1. every entry of the Li-Fe-O set, and the hull's energy at random compositions
rows = list(csv.DictReader(open("../shared/data/hull/pd_entries_test.csv")))
els = [k for k in rows[0] if k not in ("Name", "Final energy")]
entries = [PDEntry(Composition({e: float(r[e]) for e in els if float(r[e]) > 0}), float(r["Final energy"])) for r in rows]
pd = PhaseDiagram(entries)
with open(here + "pd_entries_hull.csv", "w") as f:
    f.write("formula,energy_per_atom,formation_energy,e_above_hull,num_products\n")
    for e in entries:
        decomp, above = pd.get_decomp_and_e_above_hull(e, check_stable=False)
        f.write(f"{e.composition.formula.replace(' ', '')},{e.energy_per_atom!r},{float(pd.get_form_energy_per_atom(e))!r},{float(above)!r},{len(decomp)}\n")
    for _ in range(100):
        c = Composition({el: random.randint(0, 6) for el in els})
        if len(c) == 0:
            continue
        f.write(f"{c.formula.replace(' ', '')},,,{-float(pd.get_hull_energy_per_atom(c))!r},\n")

# 2. seven elements, 150 made-up phases: all of it in the form that pymatgen stores
seven = ["Li", "Na", "Mg", "Fe", "P", "S", "O"]
made = [PDEntry(Composition({e: random.randint(1, 4)}), random.uniform(-6, -1)) for e in seven for _ in range(2)]
while len(made) < 150:
    k = random.randint(2, 7)
    comp = Composition({e: random.randint(1, 6) for e in random.sample(seven, k)})
    made.append(PDEntry(comp, comp.num_atoms * random.uniform(-6.5, -3.5)))
pd = PhaseDiagram(made)
out = {"entries": [e.as_dict() for e in made], "e_above_hull": [float(pd.get_e_above_hull(e)) for e in made], "asked": []}
while len(out["asked"]) < 40:
    comp = Composition({e: random.randint(1, 9) for e in random.sample(seven, random.randint(1, 7))})
    out["asked"].append({"formula": comp.formula.replace(" ", ""), "hull_energy_per_atom": float(pd.get_hull_energy_per_atom(comp))})
json.dump(out, open(here + "seven_elements.json", "w"))

# 3. MP2020: made-up calculations on real formulae, with and without what the scheme wants to know
N = int(sys.argv[1]) if len(sys.argv) > 1 else 300
target = here + "mp2020_entries.jsonl" if N == 300 else f"/tmp/mp2020_entries_{N}.jsonl"
u_values = dict(Co=3.32, Cr=3.7, Fe=5.3, Mn=3.9, Mo=4.38, Ni=6.2, V=3.25, W=6.2)
formulas = [r["reduced_formula"] if "reduced_formula" in r else r["formula"] for r in csv.DictReader(open("../shared/data/cif/mp.csv"))]
random.shuffle(formulas)
scheme = MaterialsProject2020Compatibility(check_potcar=False)
with open(target, "w") as f:
    for i, formula in enumerate(formulas[:N]):
        comp = Composition(formula) * random.randint(1, 3)
        hubbards = {}
        if ("O" in comp or "F" in comp) and random.random() < 0.85:
            top = max(comp.elements, key=lambda e: e.X)
            if top.symbol in "OF":
                hubbards = {e.symbol: u_values[e.symbol] for e in comp.elements if e.symbol in u_values}
        data = {}
        if random.random() < 0.3:
            data["oxidation_states"] = {e.symbol: random.choice([-3, -1, -0.5, 1, 2]) for e in comp.elements}
        if "O" in comp and random.random() < 0.4:
            data["oxide_type"] = random.choice(["oxide", "peroxide", "superoxide", "ozonide", "hydroxide"])
        if "S" in comp and random.random() < 0.4:
            data["sulfide_type"] = random.choice(["sulfide", "polysulfide", "sulfate"])
        entry = ComputedEntry(comp, -5.0 * comp.num_atoms, entry_id=f"made-{i}", data=data,
                              parameters={"run_type": "GGA+U" if hubbards else random.choice(["GGA", "GGA", "GGA", "GGA", "R2SCAN"]), "hubbards": hubbards})
        line = entry.as_dict()
        kept = scheme.process_entries([entry], inplace=False)
        json.dump({"entry": line, "corrected": kept[0].energy if kept else None}, f)
        f.write("\n")
