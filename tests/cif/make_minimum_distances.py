"""Makes minimum_distances.csv: 200 cells, many of them strongly skewed, with pymatgen's minimum-image
distance and volume. Stored with pymatgen 2026.10.24, numpy 2.4.6:
python make_minimum_distances.py > minimum_distances.csv"""
import csv
import math
import random
import sys

import numpy as np
from pymatgen.core import Lattice, Structure

random.seed(20261122)
out = csv.writer(sys.stdout)
out.writerow(["lengths", "angles", "species", "coords", "min_distance", "volume"])
made = 0
while made < 200:
    lengths = [round(random.uniform(1.5, 12), 2) for _ in range(3)]
    low, high = (60, 120) if made % 4 == 0 else (15, 165)
    angles = [round(random.uniform(low, high), 1) for _ in range(3)]
    ca, cb, cg = (math.cos(math.radians(x)) for x in angles)
    if 1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg < 0.003:
        continue
    n = random.randint(2, 7) if made < 190 else 80
    coords = [[round(random.uniform(-1.2, 2.2) if made % 5 == 0 else random.random(), 4)
               for _ in range(3)] for _ in range(n)]
    species = [random.choice(["Na", "Cl", "Fe", "O"]) for _ in range(n)]
    s = Structure(Lattice.from_parameters(*lengths, *angles), species, coords)
    d = s.distance_matrix + np.eye(n) * 1e9
    out.writerow([lengths, angles, species, coords, repr(float(d.min())), repr(float(s.volume))])
    made += 1
