#include "launch/score_stability.h"

#include "base/error.h"
#include "cif/stability/stability_part.h"

namespace anneal {

namespace {

Chgnet load_network() {
  check_chgnet_weights();
  return Chgnet::load(chgnet_weights_path());
}

/// Every rank evaluates its share of the crystals; all have all energies afterwards.
HullSources make_hull(const StabilityRequest& request, const Chgnet& net, int threads,
                      const CommandContext& context) {
  HullSources hull;
  const Group& group = context.group();
  for (const std::string& path : request.hull) {
    if (!holds_crystals(path)) {
      add_entries(path, hull);
      continue;
    }
    auto crystals = evaluate_crystals(path, net, request.options, threads, group.rank(),
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

void check_chgnet_weights() {
  const auto path = chgnet_weights_path();
  if (std::filesystem::exists(path)) return;
  throw DataError(fmt::format("the weights of CHGNet are not at {}", path.string()),
                  "launch/chgnet_weights fetches them (launch/setup does too); or set ANNEAL_CHGNET "
                  "to the file");
}

std::shared_ptr<const HullSources> read_hull(const StabilityRequest& request, int threads,
                                             const CommandContext& context) {
  return std::make_shared<HullSources>(make_hull(request, load_network(), threads, context));
}

std::shared_ptr<ScorePart> make_stability_part(const StabilityRequest& request, int threads,
                                               const CommandContext& context) {
  if (!request.on) return nullptr;
  auto net = load_network();
  auto hull = request.known ? *request.known : make_hull(request, net, threads, context);
  return std::make_shared<StabilityPart>(std::move(net), std::move(hull), request.options);
}

}  // namespace anneal
