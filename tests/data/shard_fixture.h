// Small shard folders for the tests: documents whose tokens say where they come from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/token_manifest.h"
#include "data/token_shard.h"

namespace anneal::testing {

/// Documents of the given lengths; token j of document d is 1000 d + j (modulo the vocabulary).
/// Every `whole_every`-th is an instruction whose first half carries no loss (0: none is).
inline TokenManifest write_shards(const std::filesystem::path& folder, const std::vector<int>& lengths,
                                  int vocab_size = 50'000, int whole_every = 0) {
  TokenManifest manifest;
  manifest.tokenizer = "test";
  manifest.vocab_size = vocab_size;
  std::filesystem::create_directories(folder);
  for (const std::string split : {"train", "general"}) {
    TokenShardWriter writer(folder, split == "train" ? "train" : "heldout-" + split, split, vocab_size, "test");
    for (std::size_t d = 0; d < lengths.size(); ++d) {
      std::vector<TokenId> tokens;
      std::vector<std::uint8_t> loss;
      const bool whole = whole_every > 0 && d % static_cast<std::size_t>(whole_every) == 0;
      for (int j = 0; j < lengths[d]; ++j) {
        tokens.push_back(static_cast<TokenId>((1000 * d + static_cast<std::size_t>(j)) % static_cast<std::size_t>(vocab_size)));
        loss.push_back(!whole || j >= lengths[d] / 2);
      }
      ShardDocument document;
      document.tokens = tokens;
      document.loss = loss;
      document.whole = whole;
      writer.add(document);
    }
    for (auto& file : writer.finish()) manifest.files.push_back(file);
  }
  save_manifest(manifest, folder);
  return manifest;
}

}  // namespace anneal::testing
