#include "launch/score_stability.h"

#include <memory>

#include "base/error.h"
#include "cif/stability/stability_part.h"

namespace anneal {

namespace {

struct Arguments {
  bool on = false, no_relax = false, fixed_cell = false;
  std::vector<std::string> hull;
  StabilityOptions options;
};

Chgnet load_network() {
  const auto path = chgnet_weights_path();
  if (!std::filesystem::exists(path)) {
    throw DataError(
        fmt::format("the weights of CHGNet are not at {}", path.string()),
        "launch/chgnet_weights fetches them (launch/setup does too); or set ANNEAL_CHGNET "
        "to the file");
  }
  return Chgnet::load(path);
}

/// Every rank evaluates its share of the crystals; all have all energies afterwards.
HullSources make_hull(const Arguments& arguments, const Chgnet& net, int threads,
                      const CommandContext& context) {
  HullSources hull;
  const Group& group = context.group();
  for (const std::string& path : arguments.hull) {
    if (!holds_crystals(path)) {
      add_entries(path, hull);
      continue;
    }
    auto crystals = evaluate_crystals(path, net, arguments.options, threads, group.rank(),
                                      group.size(), context.log);
    if (group.size() > 1) {
      group.barrier("energies of the hull on other ranks");
      group.all_reduce_sum(crystals.energy_per_atom, "energies of the hull");
    }
    add_crystals(std::move(crystals), hull);
  }
  return hull;
}

}  // namespace

ScoreExtension add_stability(CLI::App& command) {
  auto arguments = std::make_shared<Arguments>();
  const char* group = "Stability";
  command
      .add_flag("--stability", arguments->on,
                "Energy by CHGNet, relaxation, energy over a convex hull")
      ->group(group);
  command.add_flag("--no-relax", arguments->no_relax, "Judge the crystals as given")
      ->needs("--stability")
      ->group(group);
  command
      .add_option("--hull", arguments->hull,
                  "Known phases, may be repeated: entries (CSV; pymatgen's JSON), or crystals (any "
                  "INPUT but JSONL), whose energies are computed in the same way as those judged")
      ->needs("--stability")
      ->group(group);
  command.add_flag("--fixed-cell", arguments->fixed_cell, "Relax positions only")
      ->needs("--stability")
      ->excludes("--no-relax")
      ->group(group);
  auto& relaxation = arguments->options.relaxation;
  command.add_option("--fmax", relaxation.max_force_ev_a, "Relaxed when no force is above, eV/A")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->needs("--stability")
      ->group(group);
  command.add_option("--relax-steps", relaxation.max_steps, "Steps of relaxation at most")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->needs("--stability")
      ->group(group);
  command.add_option("--max-atoms", arguments->options.max_atoms, "Larger crystals get no energy")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str()
      ->needs("--stability")
      ->group(group);
  return {.part = [arguments](const ScoreCall& call,
                              const CommandContext& context) -> std::shared_ptr<ScorePart> {
            if (!arguments->on) return nullptr;
            arguments->options.relax = !arguments->no_relax;
            arguments->options.relaxation.cell = !arguments->fixed_cell;
            auto net = load_network();
            auto hull = make_hull(*arguments, net, call.threads, context);
            return std::make_shared<StabilityPart>(std::move(net), std::move(hull),
                                                   arguments->options);
          },
          .finish = {}};
}

}  // namespace anneal
