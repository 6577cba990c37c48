"""Compares `anneal match` with the answers that make_match_pairs.py stored beside the pairs.

    python compare_matches.py PAIRS.csv OUT/matches.jsonl [--show N]
"""
import argparse, collections, csv, json

csv.field_size_limit(1 << 30)
p = argparse.ArgumentParser()
p.add_argument("pairs"), p.add_argument("matches"), p.add_argument("--show", type=int, default=5)
args = p.parse_args()
same, total, worst, rms_pairs, rms_close, seconds, shown = collections.Counter(), collections.Counter(), 0.0, 0, 0, 0.0, 0
truth = 0
for i, (row, line) in enumerate(zip(csv.DictReader(open(args.pairs)), open(args.matches))):
    ours, kind = json.loads(line), row["kind"]
    assert ours["index"] == i
    if row["fit"] == "error":
        print("pymatgen raised", row["rms"], "on pair", i)
        continue
    truth += row["fit"] == "1"
    total[kind] += 1
    seconds += float(row["seconds"])
    agree = ours["match"] == (row["fit"] == "1")
    same[kind] += agree
    rms_agree = (ours["rms"] is None) == (row["rms"] == "")
    if ours["rms"] is not None and row["rms"]:
        difference = abs(ours["rms"] - float(row["rms"]))
        rms_agree = difference < 1e-4
        worst = max(worst, difference)
    rms_pairs += 1
    rms_close += rms_agree
    if not (agree and rms_agree) and shown < args.show:
        shown += 1
        print(f"pair {i} ({kind}): pymatgen {row['fit']} {row['rms']}, anneal {ours['match']} {ours['rms']} {ours['reason']}")
n = sum(total.values())
print(f"{n} pairs, {truth} match in pymatgen; same yes/no: {sum(same.values())} ({100 * sum(same.values()) / n:.2f} %)")
print(f"rms equal within 1e-4 (or both none): {rms_close} ({100 * rms_close / rms_pairs:.2f} %), largest difference {worst:.2g}")
for kind in total:
    print(f"  {kind:10} {same[kind]:5} of {total[kind]}")
print(f"pymatgen: {1000 * seconds / n:.2f} ms a pair (fit and get_rms_dist, without reading)")
