// anneal check: what this program was built with, where its ranks run, and how fast they exchange.
#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "launch/command.h"
#include "parallel/device_backend.h"

namespace anneal {

namespace {

/// Returns when the device has done what was queued.
void settle(const at::Tensor& x) { x[0].item<float>(); }

/// Seconds of one call, the slowest rank's, over `repeats` after one to warm up.
template <class F>
double timed(const Group& group, const at::Tensor& buffer, int repeats, F call) {
  call();
  settle(buffer);
  group.barrier("start of a timed exchange");
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) call();
  settle(buffer);
  std::vector<double> seconds(static_cast<std::size_t>(group.size()), 0.0);
  seconds[static_cast<std::size_t>(group.rank())] =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats;
  group.all_reduce_sum(seconds, "times of the ranks");
  return *std::max_element(seconds.begin(), seconds.end());
}

/// Every rank's line, in the order of the ranks, on rank 0.
std::vector<std::string> lines_of_ranks(const Group& group, const std::string& own) {
  std::vector<std::string> lines;
  for (int rank = 0; rank < group.size(); ++rank) {
    std::string line = own;
    std::uint64_t size = line.size();
    group.broadcast(&size, sizeof size, rank, "length of a rank's line");
    line.resize(size);
    if (size > 0) group.broadcast(line.data(), size, rank, "a rank's line");
    lines.push_back(line);
  }
  return lines;
}

void check_node(const CommandContext& context, const std::string& device, std::int64_t mebibytes) {
  const DeviceBackend backend = make_device_backend(context.world, device);
  const Group& group = backend.group;
  context.log.info("built with: {}", backends_of_this_build());
  const auto lines = lines_of_ranks(
      group, fmt::format("rank {} on {}, number {} of {} there: {}", group.rank(), host_name(),
                         context.world.local_rank(), context.world.ranks_on_node(), backend.name));
  for (const auto& line : lines) context.log.info("{}", line);
  const auto ranks = static_cast<std::int64_t>(group.size());
  const std::int64_t part = mebibytes * (1 << 20) / 4 / ranks;
  at::Tensor all = at::zeros({part * ranks}, at::TensorOptions(backend.device).dtype(at::kFloat));
  at::Tensor slice = at::zeros({part}, all.options());
  all.fill_(static_cast<double>(group.rank() + 1));
  group
      .all_reduce(all.data_ptr<float>(), static_cast<std::size_t>(all.numel()),
                  "check of an all-reduce")
      .wait();
  const double expected = static_cast<double>(ranks * (ranks + 1)) / 2;
  const bool right = (all == expected).all().item<bool>();
  double wrong[1] = {right ? 0.0 : 1.0};
  group.all_reduce_sum(wrong, "agreement on the check");
  if (wrong[0] > 0) {
    throw CommunicationError(
        fmt::format("{} of {} ranks got a wrong sum from an all-reduce", wrong[0], ranks),
        "a link or a device is broken: try the nodes one by one");
  }
  if (ranks == 1) {
    context.log.info("one rank: nothing to exchange");
    return;
  }
  const auto report = [&](const char* what, double seconds, double factor) {
    // Bytes over each rank's link: the convention of nccl-tests ("bus bandwidth").
    const double moved = factor * static_cast<double>(ranks - 1) / static_cast<double>(ranks) *
                         static_cast<double>(part * ranks) * 4;
    context.log.info("{} of {} MiB: {:.3f} ms, {:.2f} GB/s a rank", what, mebibytes, seconds * 1e3,
                     moved / seconds / 1e9);
  };
  constexpr int kRepeats = 5;
  auto* numbers = all.data_ptr<float>();
  const auto count = static_cast<std::size_t>(part);
  report("all-gather",
         timed(group, all, kRepeats,
               [&] {
                 group.all_gather(numbers, count, NumberType::kFp32, "timed all-gather").wait();
               }),
         1);
  report("reduce-scatter",
         timed(group, slice, kRepeats,
               [&] {
                 group
                     .reduce_scatter(numbers, slice.data_ptr<float>(), count, NumberType::kFp32,
                                     "timed reduce-scatter")
                     .wait();
               }),
         1);
  report(
      "all-reduce",
      timed(group, all, kRepeats,
            [&] {
              group.all_reduce(numbers, count * static_cast<std::size_t>(ranks), "timed all-reduce")
                  .wait();
            }),
      2);
}

}  // namespace

Command add_check(CLI::App& app) {
  auto* command = app.add_subcommand(
      "check", "Where the ranks run, on which devices, and how fast they exchange");
  command->footer(
      "Example: mpirun -n 2 anneal check\nEnds with exit code 4 if a sum over the ranks is wrong.");
  auto device = std::make_shared<std::string>("auto");
  auto size = std::make_shared<std::int64_t>(64);
  command->add_option("--device", *device, "cpu, cuda or auto")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command->add_option("--mib", *size, "MiB exchanged at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  return {command, [=](const CommandContext& context) {
            context.world.set_timeout(120);
            check_node(context, *device, *size);
            return 0;
          }};
}

}  // namespace anneal
