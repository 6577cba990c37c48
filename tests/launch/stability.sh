# anneal score --stability: the same files from one rank and from two, and errors with a remedy.
source tests/launch/lib.sh "$1"
mkdir -p "$work/in"
cat >"$work/salt.cif" <<C
data_salt
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na 0 0 0
Cl 0.5 0.5 0.52
C
for i in 1 2 3 4 5 6 7 8 9; do sed "s/4\.0$/4.$i/" "$work/salt.cif" >"$work/in/salt$i.cif"; done
sed 's/^Na/Cf/' "$work/salt.cif" >"$work/in/unknown.cif"
sed 's/4\.0$/40/' "$work/salt.cif" >"$work/in/apart.cif"
echo "no crystal" >"$work/in/zz.cif"
printf 'formula,energy_per_atom,id\nNa,-1.30,na\nCl2,-1.85,cl\nNaCl,-3.66,salt\n' >"$work/hull.csv"
expect_error 2 "--stability" "$anneal" score "$work/in" --no-relax --out "$work/x"
ANNEAL_CHGNET=$work/nothing expect_error 3 "launch/chgnet_weights" "$anneal" score "$work/in" --stability --out "$work/x"
weights=${ANNEAL_CHGNET:-${XDG_CACHE_HOME:-$HOME/.cache}/anneal/chgnet_0.3.0.safetensors}
if [[ ! -e $weights ]]; then echo "skipped: no $weights (launch/chgnet_weights fetches it)"; finish; exit 77; fi
expect_error 3 "no_such.json" "$anneal" score "$work/in" --stability --hull "$work/no_such.json" --out "$work/x"
check "one rank" "$anneal" score "$work/in" --stability --relax-steps 20 --hull "$work/hull.csv" --out "$work/one"
grep -q 'MP2020' "$work/out" || fail "what the hull was made of is not printed"
check "two ranks" mpi 2 "$anneal" score "$work/in" --stability --relax-steps 20 --hull "$work/hull.csv" --out "$work/two"
for file in verdicts.jsonl summary.json; do cmp "$work/one/$file" "$work/two/$file" || fail "$file differs"; done
check "a hull of crystals" mpi 2 "$anneal" score "$work/in" --stability --no-relax --hull "$work/in" --hull "$work/hull.csv" --out "$work/three"
grep -q '"with_e_above_hull": 9' "$work/one/summary.json" || fail "not nine energies over the hull"
[[ $(grep -c 'unknown to CHGNet' "$work/one/verdicts.jsonl") == 1 ]] || fail "no reason for californium"
finish
