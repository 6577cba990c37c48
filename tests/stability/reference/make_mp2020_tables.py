"""Writes cif/stability/mp2020_tables.h from the tables of an installed pymatgen (2026.10.24 was used).
Run in the root of the repository: python tests/stability/reference/make_mp2020_tables.py"""
from pymatgen.core import Element, Species
from pymatgen.core import composition as C
from monty.serialization import loadfn
import os
d=loadfn(os.path.join(os.path.dirname(C.__file__),"icsd_bv.yaml"))["occurrence"] if os.path.exists(os.path.join(os.path.dirname(C.__file__),"icsd_bv.yaml")) else None
if d is None:
    d=loadfn(C.MODULE_DIR+"/icsd_bv.yaml")["occurrence"]
prob={}
for k,v in d.items():
    s=Species.from_str(k); prob[(s.symbol,s.oxi_state)]=v
out=[];n=0
for z in range(1,119):
    e=Element.from_Z(z)
    ox=e.icsd_oxidation_states or e.common_oxidation_states
    out.append((e.symbol,[(int(o),prob.get((e.symbol,o),0)) for o in ox]))
import sys
rows=[]
pot=loadfn(os.path.join(os.path.dirname(__import__('pymatgen.io.vasp',fromlist=['x']).__file__),"MPRelaxSet.yaml"))["POTCAR"]
f=open("cif/stability/mp2020_tables.h","w")
f.write('''// Facts for mp2020.cpp, by atomic number Z = 0..118. Compiled from pymatgen 2026.10.24 (MIT; see NOTICE)
// by tests/stability/reference/make_mp2020_tables.py: the oxidation states that its
// `oxi_state_guesses` tries, in its order, with their number of occurrences in the ICSD, and the
// pseudopotential of each element in MPRelaxSet.
#pragma once

namespace anneal {

struct OxidationPrior {
  signed char state;
  int occurrences;
};

struct Mp2020Element {
  const char* potcar;  ///< "" if the set has none
  int num_states;
  OxidationPrior states[%d];
};

// clang-format off
inline constexpr Mp2020Element kMp2020Elements[] = {
    {"", 0, {}},
''' % max(len(o[1]) for o in out))
for s,l in out:
    f.write('    {"%s", %d, {%s}},  // %s\n'%(pot.get(s,""),len(l),", ".join("{%d, %d}"%x for x in l),s))
f.write("};\n// clang-format on\n\n}  // namespace anneal\n")
