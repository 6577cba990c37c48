// What CHGNet costs here. usage: bench_stability CRYSTALS [--count N] [--threads T] [--relax STEPS]
// [--dump FILE] Prints one line of JSON: wall and processor seconds (all threads) for energy,
// forces, stress and magnetic moments of the crystals one by one, shared out over the threads, and,
// with --relax, for relaxing them (cell too, 0.1 eV/A, at most STEPS). --dump writes energies as
// JSON.
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "cif/crystal_table.h"
#include "cif/stability/relax.h"

using namespace anneal;

namespace {

template <class Work>
nlohmann::json timed(Work work) {
  const auto processor = [] {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  const auto wall = std::chrono::steady_clock::now();
  const double begin = processor();
  work();
  return {
      {"wall_s", std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count()},
      {"processor_s", processor() - begin}};
}

int run(int argc, char** argv) {
  std::string input, dump;
  std::size_t count = 1'000'000;
  int threads = 1, steps = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--count" && i + 1 < argc)
      count = std::strtoull(argv[++i], nullptr, 10);
    else if (name == "--threads" && i + 1 < argc)
      threads = std::atoi(argv[++i]);
    else if (name == "--relax" && i + 1 < argc)
      steps = std::atoi(argv[++i]);
    else if (name == "--dump" && i + 1 < argc)
      dump = argv[++i];
    else
      input = name;
  }
  if (input.empty()) {
    fmt::print(stderr,
               "usage: bench_stability CRYSTALS [--count N] [--threads T] [--relax STEPS] [--dump "
               "FILE]\n");
    return 2;
  }
  std::vector<PeriodicAtoms> crystals;
  CrystalReader reader(input);
  while (crystals.size() < count) {
    auto record = reader.next();
    if (!record) break;
    if (record->parsed.crystal) crystals.push_back(periodic_atoms(*record->parsed.crystal));
  }
  const auto net = Chgnet::load(chgnet_weights_path());
  nlohmann::json result = {{"crystals", crystals.size()}, {"threads", threads}}, energies;
  if (steps > 0) {
    std::vector<Relaxation> relaxed;
    result["relax"] = timed([&] { relaxed = relax(net, crystals, {.max_steps = steps}, threads); });
    double evaluations = 0;
    for (const auto& r : relaxed) {
      evaluations += r.steps + 1;
      energies.push_back({{"energy", r.energy_per_atom}, {"steps", r.steps}, {"fault", r.fault}});
    }
    result["evaluations"] = evaluations;
  } else {
    Chgnet::Workspace workspace;
    Prediction p;
    net.predict(crystals.at(0), workspace, p);
    if (threads == 1) {
      result["one_by_one"] = timed([&] {
        for (const auto& crystal : crystals) {
          net.predict(crystal, workspace, p);
          energies.push_back({{"energy", p.energy_per_atom}});
        }
      });
    } else {
      result["together"] = timed([&] { (void)net.predict(crystals, threads); });
    }
  }
  fmt::print("{}\n", result.dump());
  if (!dump.empty()) write_file_atomic(dump, energies.dump());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_stability: {}\n", error.what());
    return 1;
  }
}
