// The model against transformers: logits and negative log-likelihood of small models that
// references/make_hf_references.py made, at every position, by prefill and by cached steps.
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"
#include "trainer/model/decode.h"
#include "trainer/weight_source.h"

using namespace anneal;

namespace {

const std::filesystem::path kReferences =
    anneal::testing::source_folder() / "tests" / "trainer" / "references";

double worst(const at::Tensor& logits_V, const std::vector<double>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(logits_V[static_cast<std::int64_t>(i)].item<double>() - expected[i]));
  }
  return largest;
}

}  // namespace

TEST_CASE("logits equal those of transformers") {
  const std::string name = GENERATE("tiny_untied", "tiny_tied", "tiny_bf16", "tiny_llama3", "tiny_adapter");
  INFO(name);
  const auto reference = nlohmann::json::parse(std::ifstream(kReferences / (name + ".reference.json")));
  const WeightSource source = open_weights(kReferences / name);
  Decoder decoder(source.shape(), [&](const std::string& weight) { return source.tensor(weight); });
  // 1e-4 is the interface's bound; both sides compute in fp32.
  constexpr double kBound = 1e-4;
  for (const auto& item : reference.at("cases")) {
    const auto ids = item.at("ids").get<std::vector<TokenId>>();
    const auto logits = item.at("logits").get<std::vector<std::vector<double>>>();
    decoder.allocate(2, static_cast<std::int64_t>(ids.size()));
    CHECK(worst(decoder.prefill(1, ids), logits.back()) < kBound);
    // The same through the cache: the first token is read, the others come one by one.
    decoder.allocate(2, static_cast<std::int64_t>(ids.size()));
    CHECK(worst(decoder.prefill(0, std::span(ids).first(1)), logits[0]) < kBound);
    const std::int64_t slot[] = {0};
    for (std::size_t i = 1; i < ids.size(); ++i) {
      INFO("position " << i);
      CHECK(worst(decoder.step(slot, std::span(ids).subspan(i, 1))[0], logits[i]) < kBound);
    }
    if (ids.size() > 1) CHECK(decoder.mean_nll(ids) == Approx(item.at("nll").get<double>()).margin(1e-5));
  }
}
