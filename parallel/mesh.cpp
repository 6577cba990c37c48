#include "parallel/mesh.h"

namespace anneal {

void check_mesh(int ranks, std::int64_t replicate) {
  if (replicate >= 1 && ranks % replicate == 0) return;
  throw UsageError(fmt::format("train.replicate {} does not divide the {} ranks", replicate, ranks),
                   "each copy of the model is spread over ranks / train.replicate ranks");
}

Mesh make_mesh(const Group& world, std::int64_t replicate) {
  if (replicate == 1) return {world, world, make_solo_group()};
  check_mesh(world.size(), replicate);
  const int shards = world.size() / static_cast<int>(replicate);
  return {world, world.split(world.rank() / shards, "split into copies of the model"),
          world.split(world.rank() % shards, "split into replicas of a slice")};
}

}  // namespace anneal
