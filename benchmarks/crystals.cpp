// What one core needs for a crystal: parsing, validity, fingerprints. usage:
//   bench_crystals CSV [--count N] [--repeat R] [--dump FILE]
// Prints one line of JSON, ms of processor time a crystal by part, the parts named as ../shared/peers/peer_score.py
// names them; --dump writes the fingerprints of all sites ("row site 61 numbers") and the Magpie
// vectors ("row magpie 132 numbers") as text, for comparison with matminer.
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>
#include <vector>

#include "cif/crystal_table.h"
#include "cif/fingerprint/magpie.h"
#include "cif/fingerprint/ops_fingerprint.h"
#include "cif/validity.h"

using namespace anneal;

namespace {
/// Processor time of this thread: what others do on a shared machine does not count.
double now_s() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
}  // namespace

int run(int argc, char** argv) {
  std::string input, dump;
  std::int64_t count = -1;
  int repeat = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--count" && i + 1 < argc) count = std::atoll(argv[++i]);
    else if (name == "--repeat" && i + 1 < argc) repeat = std::atoi(argv[++i]);
    else if (name == "--dump" && i + 1 < argc) dump = argv[++i];
    else input = name;
  }
  if (input.empty()) {
    fmt::print(stderr, "usage: bench_crystals CSV [--count N] [--repeat R] [--dump FILE]\n");
    return 2;
  }
  CrystalReader reader(input);
  std::vector<RawCrystal> raws;
  while (count < 0 || static_cast<std::int64_t>(raws.size()) < count) {
    auto raw = reader.next_raw();
    if (!raw) break;
    raws.push_back(*std::move(raw));
  }
  double parse = 0, structure = 0, composition = 0, ops = 0, magpie = 0;
  std::int64_t crystals = 0, sites = 0, valid = 0, failed = 0;
  std::FILE* out = dump.empty() ? nullptr : std::fopen(dump.c_str(), "w");
  for (int r = 0; r < repeat; ++r) {
    for (std::size_t row = 0; row < raws.size(); ++row) {
      double t = now_s(), before = t;
      const auto tick = [&](double& part) {
        t = now_s();
        part += t - before;
        before = t;
      };
      const auto records = CrystalReader::parse(raws[row]);
      tick(parse);
      for (const auto& record : records) {
        if (!record.parsed.crystal) continue;
        const Crystal& crystal = *record.parsed.crystal;
        before = now_s();
        const bool struct_ok = structure_valid(crystal);
        tick(structure);
        const bool comp_ok = composition_valid(record.parsed.composition);
        tick(composition);
        const SiteFingerprints prints = ops_fingerprints(crystal);
        tick(ops);
        const auto vector = magpie_vector(record.parsed.composition);
        tick(magpie);
        ++crystals;
        sites += static_cast<std::int64_t>(crystal.sites.size());
        valid += struct_ok && comp_ok;
        failed += !prints.failure.empty();
        if (out == nullptr || r > 0) continue;
        for (std::size_t s = 0; s < prints.sites.size(); ++s) {
          fmt::print(out, "{} {}", row, s);
          for (const double x : prints.sites[s]) fmt::print(out, " {:.9g}", x);
          fmt::print(out, "\n");
        }
        fmt::print(out, "{} magpie", row);
        for (const double x : vector) fmt::print(out, " {:.12g}", x);
        fmt::print(out, "\n");
      }
    }
  }
  if (out != nullptr) std::fclose(out);
  const double scale = 1e3 / static_cast<double>(std::max<std::int64_t>(crystals, 1));
  fmt::print(
      "{{\"parse\": {:.5f}, \"struct\": {:.5f}, \"comp\": {:.5f}, \"crystalnn\": {:.5f}, "
      "\"magpie\": {:.5f}, \"unit\": \"ms/crystal\", \"n\": {}, \"sites\": {}, \"valid\": {}, "
      "\"no_fingerprint\": {}}}\n",
      parse * scale, structure * scale, composition * scale, ops * scale, magpie * scale, crystals,
      sites, valid, failed);
  return 0;
}

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_crystals: {}\n", error.what());
    return 1;
  }
}
