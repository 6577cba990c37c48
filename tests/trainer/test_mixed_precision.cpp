// Training curves of a small model against PyTorch: fp32, and bf16 as FSDP2's MixedPrecisionPolicy does it
// (references/make_training_reference.py); and the fused AdamW against our own.
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/source_folder.h"
#include "trainer/optimizer.h"
#include "trainer/sharded_model.h"
#include "trainer/weight_source.h"

using namespace anneal;

namespace {

const std::filesystem::path kReferences = anneal::testing::source_folder() / "tests" / "trainer" / "references";

/// The tokens of make_training_reference.py.
TokenBatch batch(std::int64_t step) {
  TokenBatch batch;
  batch.length = 24;
  batch.rows = 4;
  for (std::int64_t r = 0; r < batch.rows; ++r) {
    const auto token = [&](std::int64_t i) { return static_cast<TokenId>(3 + (17 * i * i + 31 * i * r + 7 * step + 11 * r) % 61); };
    for (std::int64_t i = 0; i < batch.length; ++i) {
      batch.tokens.push_back(token(i));
      batch.documents.push_back(0);
      batch.positions.push_back(static_cast<std::int32_t>(i));
      batch.targets.push_back(i + 1 < batch.length ? token(i + 1) : kNoTarget);
      batch.num_targets += i + 1 < batch.length;
    }
    batch.row_ids.push_back(static_cast<std::uint64_t>(r));
  }
  return batch;
}

std::vector<double> curve(const std::string& precision, const std::string& reduce) {
  const WeightSource source = open_weights(kReferences / "tiny_untied");
  const Group group = make_solo_group();
  TrainOptions train;
  train.precision = precision;
  train.reduce = reduce;
  ShardedModel model(source.shape(), AdapterOptions{}, train, group);
  model.fill_base([&](const ParameterSlot& slot, std::int64_t begin, std::int64_t count, float* to) {
    const at::Tensor value = source.tensor(slot.name).to(at::kFloat).contiguous().flatten();
    std::copy_n(value.const_data_ptr<float>() + begin, count, to);
  });
  OptimizerOptions options;
  options.weight_decay = 0.1;
  std::vector<double> losses;
  for (std::int64_t s = 0; s < 20; ++s) {
    const TokenBatch rows = batch(s);
    double sums[1] = {model.forward_backward(rows, {.loss_scale = 1.0 / static_cast<double>(rows.num_targets)})};
    const auto units = model.trained_units();
    const double norm = std::sqrt(global_squared_norm(units, model.mesh(), sums));
    adamw_step(units, options, 3e-3, std::min(1.0, 1.0 / (norm + 1e-6)), s + 1);
    model.weights_changed();
    losses.push_back(sums[0] / static_cast<double>(rows.num_targets));
  }
  return losses;
}

double rms_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] / b[i] - 1) * (a[i] / b[i] - 1);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

TEST_CASE("training: the loss curve in fp32 is PyTorch's") {
  const auto reference = nlohmann::json::parse(std::ifstream(kReferences / "tiny_training.reference.json"));
  const auto expected = reference.at("fp32").get<std::vector<double>>();
  const auto losses = curve("fp32", "fp32");
  // Rounding of fp32, taken through 20 steps of AdamW, which magnifies it where a moment is small.
  for (std::size_t i = 0; i < losses.size(); ++i) CHECK(losses[i] == Approx(expected[i]).epsilon(2e-5));
}

TEST_CASE("training: the loss curve in bf16 is FSDP2's but for the order of roundings") {
  const std::string reduce = GENERATE("fp32", "bf16");
  const auto reference = nlohmann::json::parse(std::ifstream(kReferences / "tiny_training.reference.json"));
  const auto expected = reference.at("bf16_reduce_" + reduce).get<std::vector<double>>();
  const auto exact = reference.at("fp32").get<std::vector<double>>();
  const auto losses = curve("bf16", reduce);
  CHECK(curve("bf16", reduce) == losses);  // the same bits again
  // FSDP2 in bf16 is this far from its own fp32 curve (0.12 %); we round in other places, about as often.
  const double noise = rms_difference(expected, exact);
  INFO("rms: FSDP2 bf16 to fp32 " << noise << ", ours to FSDP2 bf16 " << rms_difference(losses, expected)
                                  << ", ours to fp32 " << rms_difference(losses, exact));
  CHECK(rms_difference(losses, expected) < 1.5 * noise);
  CHECK(rms_difference(losses, exact) < 1.5 * noise);
  CHECK(rms_difference(losses, exact) > 0.05 * noise);  // it is bf16, not fp32 under another name
  // Before any update only the forward pass has rounded (FSDP2, which rounds norms and rotation more often,
  // is 1e-3 off here).
  CHECK(losses.front() == Approx(exact.front()).epsilon(5e-4));
}

TEST_CASE("training: ATen's fused AdamW takes the same step") {
  UnitLayout layout("u");
  layout.add("matrix", {37, 11});
  layout.add("vector", {29});
  layout.add("frozen", {13, 2});
  layout.freeze({"frozen"});
  const Mesh mesh = make_mesh(make_solo_group(), 1);
  ShardedUnit ours(layout, mesh), fused(layout, mesh);
  at::manual_seed(6);
  ours.weights().copy_(at::randn({ours.slice_numel()}));
  fused.weights().copy_(ours.weights());
  const at::Tensor before = ours.weights().clone();
  for (std::int64_t step = 1; step <= 5; ++step) {
    ours.gradient().copy_(at::randn({ours.slice_numel()}));
    fused.gradient().copy_(ours.gradient());
    ShardedUnit* units[] = {&ours};
    adamw_step(units, OptimizerOptions{}, 1e-2, 0.7, step);
    fused_adamw_step(fused, OptimizerOptions{}, 1e-2, 0.7, step);
  }
  // Both are fp32 in another order of operations; a step is 1e-2.
  CHECK((ours.weights() - fused.weights()).abs().max().item<double>() < 1e-6);
  const auto& frozen = layout.slots()[2];
  CHECK(at::equal(ours.weights().narrow(0, frozen.offset, frozen.numel()), before.narrow(0, frozen.offset, frozen.numel())));
  CHECK((ours.weights() - before).abs().max().item<double>() > 1e-2);
}
