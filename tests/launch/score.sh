# anneal score: the same files for any number of ranks and threads; comparison with real crystals;
# families of rules; the names that interface.md fixes.
source tests/launch/lib.sh "$1"
# 700 crystal strings, some of them no crystals, some invalid
awk 'BEGIN {
  split("Na Cl Mg O Ti S Fe Ga N Al", e, " ")
  for (i = 0; i < 700; i++) {
    if (i % 11 == 3) { print "{\"text\": \"no crystal\"}"; continue }
    printf "{\"text\": \"%.1f %.1f %.1f\\n90 90 %d\\n%s\\n0.00 0.00 0.00\\n%s\\n%.2f 0.50 0.50\"}\n",
      2.5 + i % 7 / 2, 3 + i % 5, 4, 60 + i % 3 * 30, e[1 + i % 10], e[1 + i * 3 % 10], i % 13 == 0 ? 0.02 : 0.5
  }
}' >"$work/made.jsonl"
awk 'NR % 3 == 1' "$work/made.jsonl" >"$work/real.jsonl"
options=(--reference "$work/real.jsonl" --families all --struct-cutoff 0.2 --comp-cutoff 4)
check "one process" "$anneal" score "$work/made.jsonl" "${options[@]}" --out "$work/alone" --threads 2
grep -q "CrystalLLM" "$work/out" || fail "no comparison in the table"
for ranks in 1 2 4; do
  check "$ranks ranks" mpi $ranks "$anneal" score "$work/made.jsonl" "${options[@]}" --out "$work/$ranks"
  for file in summary.json verdicts.jsonl; do
    cmp "$work/alone/$file" "$work/$ranks/$file" || fail "$file differs with $ranks ranks"
  done
  [[ $(ls "$work/$ranks" | wc -l) == $(ls "$work/alone" | wc -l) ]] || fail "$ranks ranks left files: $(ls "$work/$ranks")"
done
python3 - "$work/alone" <<'P' || fail "the summary is not what interface.md says"
import json, sys
s = json.load(open(sys.argv[1] + "/summary.json"))
names = "cov_recall cov_precision amsd_recall amsd_precision amcd_recall amcd_precision wdist_density wdist_num_elems struct_diversity comp_diversity novelty uniqueness"
for name in names.split():
    assert isinstance(s[name], float), (name, s[name])
    assert s["denominators"][name], name
assert s["total"] == 700 and s["parsed"] == 636 and s["set_generated"] == 700, s
assert 0 < s["uniqueness"] < 1 and s["novelty_by_matching"] < 1, s
v = [json.loads(line) for line in open(sys.argv[1] + "/verdicts.jsonl")]
assert [x["index"] for x in v] == list(range(700))
assert all("space_group" in x and "lemat_valid" in x and "self_distance_a" in x for x in v)
assert sum(x["lemat_valid"] for x in v) == s["lemat_valid"]
P
# A recipe's score stage has the same keys and writes the same files; each family has its name there.
cat >"$work/score.yaml" <<Y
stage: score
run: {dir: $work/stage}
score: {input: $work/made.jsonl, baseline: $work/real.jsonl, reference: $work/real.jsonl, families: [symmetry, crystallm, lemat, self_images], struct_cutoff: 0.2, comp_cutoff: 4}
Y
check "a score stage on 2 ranks" mpi 2 "$anneal" run "$work/score.yaml"
for file in summary.json verdicts.jsonl; do
  cmp "$work/alone/$file" "$work/stage/$file" || fail "$file of the stage differs"
done
[[ -s $work/stage/report.html && -s $work/stage/baseline/summary.json && -s $work/stage/reference/summary.json ]] || fail "the stage left out a file: $(ls "$work/stage")"
grep -q '"cov_recall"' "$work/stage/baseline/summary.json" || fail "the baseline was not compared"
grep -q '"cov_recall"' "$work/stage/reference/summary.json" && fail "the reference was compared with itself"
expect_error 2 "symetry" "$anneal" run "$work/score.yaml" --set "score.families=[symetry]"
expect_error 3 "none.csv" "$anneal" run "$work/score.yaml" --set score.stability=true --set "score.hull=$work/none.csv"
expect_error 3 "real.csv" mpi 2 "$anneal" score "$work/made.jsonl" --reference "$work/real.csv" --out "$work/none"
[[ -e $work/none/summary.json ]] && fail "a failed score left a summary"
expect_error 2 "--reference" "$anneal" score "$work/made.jsonl" --struct-cutoff 0.2 --out "$work/none"
expect_error 2 "nonsense" "$anneal" score "$work/made.jsonl" --families nonsense --out "$work/none"
# a crystal in other cells: rock salt from its primitive cell
cat >"$work/salt.cif" <<'C'
data_salt
_cell_length_a 3.988
_cell_length_b 3.988
_cell_length_c 3.988
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na 0 0 0
Cl 0.5 0.5 0.5
C
check "inspect a CIF" "$anneal" inspect "$work/salt.cif"
grep -q "Fm-3m (225), cubic" "$work/out" || { fail "no space group"; cat "$work/out"; }
check "symmetrised" "$anneal" convert "$work/salt.cif" "$work/symmetrized.cif" --cell symmetrized
grep -q "'Fm-3m'" "$work/symmetrized.cif" || fail "no space group in the file"
check "back to primitive" "$anneal" convert "$work/symmetrized.cif" "$work/primitive.cif" --cell primitive
[[ $(grep -cE "^ +(Na|Cl) " "$work/primitive.cif") == 2 ]] || { fail "not two sites"; cat "$work/primitive.cif"; }
expect_error 2 "niggly" "$anneal" convert "$work/salt.cif" "$work/x.cif" --cell niggly
finish
